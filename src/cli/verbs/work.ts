import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { escapeText } from "../../format/escape.ts";
import type { S3Storage } from "../../server/files/storage/s3-storage.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { declarePipelines } from "../declare-pipelines.ts";
import { failureOf } from "../follow.ts";
import { Interrupt } from "../interrupt.ts";
import { describeProgress, titleOf } from "../screen/describe.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface WorkOptions extends CommonOptions {
  readonly queue?: readonly string[];
  readonly batch?: string;
  readonly concurrency?: number;
  readonly untilIdle?: boolean;
  readonly storage?: string;
}

const EVERY_MS = 5_000;
const BATCHES_SHOWN = 20;
const GRACE_MS = 5_000;

export function workVerb(cli: Cli): Command {
  return declareVerb({
    name: "work",
    summary: "run the work that waits in the store",
    description:
      "Runs what waits in the store, of any batch, until Ctrl-C: once lets running items finish for a few seconds and gives back the rest, twice ends at once. Drained by `milepost drain`, it ends with status 0. Any number of processes may work on one store.",
    examples: [
      ["milepost work", "until Ctrl-C"],
      ["milepost work --until-idle", "until nothing is left to do"],
      ["milepost work --queue images --concurrency 2", "one queue, two items at once"],
    ],
  })
    .addOption(new Option("--queue <name...>", "only these queues (default: all)"))
    .option("--batch <batch>", "only this batch")
    .option("--concurrency <n>", "items at once (default: one for each core)", wholeNumber(1, LIMITS.concurrency))
    .option("--storage <s3://…>", "where files of a server lie that this machine does not see")
    .option("--until-idle", "end when no work is ready or running")
    .action(async (_options: unknown, command: Command) => work(cli, command.optsWithGlobals<WorkOptions>()));
}

async function work(cli: Cli, options: WorkOptions): Promise<void> {
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    using storage = options.storage === undefined ? null : await openStorage(options.storage);
    declarePipelines(milepost, cli, storage);
    const worker = await milepost.work({
      concurrency: options.concurrency ?? availableParallelism(),
      ...(options.batch !== undefined && { batch: milepost.batch(options.batch) }),
      ...(options.queue !== undefined && { queues: options.queue }),
    });
    cli.note(`working on ${describeScope(options)}; Ctrl-C stops`);
    const reporting = reportEvery(cli, milepost);
    try {
      const end = options.untilIdle === true ? worker.idle() : failureOf(worker);
      const isDrained = await interrupt.unlessRaised(Promise.race([end, worker.drained().then(() => true)]));
      if (isDrained === true) cli.note("drained: what ran has ended, and the rest is left to others");
      if (interrupt.isRaised) cli.note("stopping: waiting a few seconds for what runs; Ctrl-C again ends at once");
      await worker.stop({ graceMs: GRACE_MS });
      await reporting.report();
    } finally {
      await reporting.stop();
    }
  });
}

/** Its client costs those nothing who need none. */
async function openStorage(location: string): Promise<S3Storage> {
  const { openS3Storage } = await import("../../server/files/storage/s3-storage.ts");
  return openS3Storage(location);
}

function describeScope(options: WorkOptions): string {
  if (options.batch !== undefined) return `batch ${escapeText(options.batch)}`;
  return options.queue === undefined ? "all queues" : `queue ${options.queue.map(escapeText).join(", ")}`;
}

/** Every five seconds one line for each batch that moved. */
function reportEvery(cli: Cli, milepost: Milepost): { report(): Promise<void>; stop(): Promise<void> } {
  const versions = new Map<string, number>();
  const report = async (): Promise<void> => {
    const { batches } = await milepost.batches({ limit: BATCHES_SHOWN });
    for (const batch of batches) {
      const isMoved = versions.has(batch.id) ? versions.get(batch.id) !== batch.version : batch.endedAt === null;
      versions.set(batch.id, batch.version);
      if (isMoved) cli.note(`${escapeText(titleOf(batch))}: ${describeProgress(batch, null, cli.io.clock.now())}`);
    }
  };
  let timer = cli.io.clock.after(0, tick);
  let turn: Promise<void> = Promise.resolve();
  function tick(): void {
    turn = report()
      .catch(() => cli.note("the store does not answer; trying again"))
      .then(() => {
        timer = cli.io.clock.after(EVERY_MS, tick);
      });
  }
  return {
    report,
    async stop(): Promise<void> {
      await turn;
      timer.cancel();
    },
  };
}
