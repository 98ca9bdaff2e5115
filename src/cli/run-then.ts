import type { BatchSnapshot } from "../core/batch.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import { type CommandOptions, commandPipeline } from "../pipelines/command/command-pipeline.ts";
import { withoutPassword } from "../stores/postgres/location.ts";
import { digestOf } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { CommandPrinter } from "./command-printer.ts";
import { EXIT } from "./exit-status.ts";
import { planCommand } from "./plan-command.ts";
import type { Run, RunResult } from "./run-batch.ts";
import { reportEnd, reportStop } from "./run-report.ts";
import { describeFailure, titleOf } from "./screen/describe.ts";

/**
 * What `--then` asks for; null for nothing.
 * @throws {MilepostError} `INVALID_ARGUMENT` for a command line that is wrong, or a program that is not there
 */
export function planThen(
  cli: Cli,
  given: { readonly command: string | undefined; readonly out: string; readonly shell?: boolean },
): CommandOptions | null {
  const { command, out, shell = false } = given;
  return command === undefined ? null : planCommand(cli, { command, out, shell, per: "batch" });
}

/** Lets this process run the command at the end, for a verb that runs no other commands. */
export function declareThen(milepost: Milepost, { io }: Cli, then: CommandOptions | null): void {
  if (then === null) return;
  const printer = new CommandPrinter(io);
  milepost.pipeline(commandPipeline({ env: io.env, observe: () => printer.observe() }));
}

/** The last words of a run, and after a batch that has ended its command of `--then`. */
export async function endRun(
  run: Run,
  of: {
    readonly batch: Batch;
    readonly name: string;
    readonly result: RunResult;
    /** The outputs' folder, for people; null if there is none. */
    readonly out: string | null;
    readonly then: CommandOptions | null;
  },
): Promise<void> {
  const { cli, options } = run;
  const { isInterrupted, ...result } = of.result;
  if (isInterrupted) return reportStop(cli, result.end, options);
  await reportEnd(cli, of.batch, { ...result, out: of.out, options });
  if (of.then === null || result.end.endedAt === null) return;
  await runThen(run, { name: thenBatchName(of.name, of.then), options: of.then, end: result.end });
}

/** The batch of the command at the end: it is told apart by the command, so that another one runs too. */
export function thenBatchName(name: string, options: CommandOptions): string {
  return `${name}-then-${digestOf(options)}`;
}

/**
 * Runs the command of `--then` after a batch has ended, once for each epoch of the batch.
 *
 * It is a batch of its own with one item for each epoch, so it is recorded, survives a crash, and is not run again by the
 * same command: what failed waits for `milepost retry`. The counts are in its environment.
 */
async function runThen(
  run: Run,
  then: { readonly name: string; readonly options: CommandOptions; readonly end: BatchSnapshot },
): Promise<void> {
  const { cli, milepost, interrupt, options } = run;
  const { end } = then;
  const key = `epoch ${end.epoch}`;
  const { batch } = await milepost.submit({
    pipeline: "command",
    name: then.name,
    ...(options.queue !== undefined && { queue: options.queue }),
    options: then.options,
    attempts: 1,
    items: [{ key, input: { env: environmentOf(end, withoutPassword(cli.storeLocation(options))) } }],
  });
  const worker = await milepost.work({ batch });
  const ended = await interrupt.unlessRaised(batch.done());
  await worker.stop();
  if (ended === undefined) {
    cli.note("stopped before the command of --then had ended; the same command goes on with it");
    return;
  }
  const { state } = await batch.item(key).snapshot();
  if (options.json === true) cli.json({ type: "then", batch: then.name, state });
  if (state === "completed") return;
  cli.status = EXIT.WORK_FAILED;
  if (options.json === true) return;
  const failures = await batch.failures();
  cli.lines(failures.map((group) => `--then failed: ${describeFailure(group)}`));
  cli.line(`try it again: ${cli.hint(options, "retry", then.name, "--failed")} && the same command`);
}

/** What the command at the end finds in its environment, beside all that `milepost` was started with. It is kept with the item: no password is in it. */
function environmentOf(end: BatchSnapshot, store: string): Readonly<Record<string, string>> {
  return {
    MILEPOST_BATCH: titleOf(end),
    MILEPOST_STORE: store,
    MILEPOST_STATUS: end.status,
    MILEPOST_TOTAL: String(end.counts.total),
    MILEPOST_COMPLETED: String(end.counts.completed),
    MILEPOST_FAILED: String(end.counts.failed),
    MILEPOST_CANCELLED: String(end.counts.cancelled),
  };
}
