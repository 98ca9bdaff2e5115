import type { BatchSnapshot } from "../core/batch.ts";
import type { Batch } from "../engine/batch.ts";
import { formatDuration } from "../format/duration.ts";
import { escapeText } from "../format/escape.ts";
import { formatPlural } from "../format/number.ts";
import { withoutPassword } from "../stores/postgres/location.ts";
import { batchToJson } from "./batch-json.ts";
import type { Cli, CommonOptions } from "./cli.ts";
import { EXIT } from "./exit-status.ts";
import { describeCounts, describeDone, describeFailure, describeStatus, titleOf } from "./screen/describe.ts";
import { shellQuote } from "./shell-quote.ts";

const FAILURES_MAX = 10;
/** A longer command is not repeated: a shell has expanded a pattern into all its files. */
const COMMAND_MAX = 240;

export interface RunEnd {
  readonly end: BatchSnapshot;
  readonly before: BatchSnapshot;
  readonly seconds: number;
  /** The folder of the outputs; null if there is none. */
  readonly out: string | null;
  readonly options: CommonOptions;
}

/** The summary of a run that ended or was stopped by its failure budget: counts, time, where the outputs are, why items failed and how to try them again. */
export async function reportEnd(cli: Cli, batch: Batch, run: RunEnd): Promise<void> {
  const { end, options } = run;
  if (end.outcome !== "success") cli.status = EXIT.WORK_FAILED;
  const failures = end.counts.failed > 0 ? await batch.failures() : [];
  if (options.json === true) {
    cli.json({ type: "end", batch: batchToJson(end), failures, out: run.out, seconds: run.seconds });
    return;
  }
  const title = titleOf(end);
  const done = end.processed - run.before.processed;
  const time = done > 0 ? `; ${formatPlural(done, "item")} in ${formatDuration(run.seconds)}` : "";
  cli.line(`${escapeText(title)}: ${describeStatus(end)}: ${describeCounts(end.counts)}${time}`);
  if (end.endedAt === null) cli.line("stopped: more items have failed than --max-failures allows");
  if (run.out !== null) cli.line(`outputs: ${escapeText(run.out)}`);
  cli.lines(failures.slice(0, FAILURES_MAX).map((group) => `failed: ${describeFailure(group)}`));
  if (failures.length > FAILURES_MAX) cli.line(`failed for other reasons too: ${cli.hint(options, "failures", title)}`);
  if (end.counts.failed > 0) {
    cli.line(
      `try the failed ones again: ${cli.hint(options, "retry", title, "--failed")} && ${goOnCommand(cli, end, options)}`,
    );
  } else if (end.counts.cancelled > 0) {
    cli.line(`take the cancel back: ${cli.hint(options, "retry", title)} && ${goOnCommand(cli, end, options)}`);
  }
}

/** What is said after a signal: how far it is, and the exact command that goes on. The status was set by the signal. */
export function reportStop(cli: Cli, batch: BatchSnapshot, options: CommonOptions): void {
  if (options.json === true) {
    cli.json({ type: "stop", batch: batchToJson(batch) });
    return;
  }
  cli.note(`stopped: ${escapeText(titleOf(batch))}, ${describeDone(batch)} done; nothing that is done is redone`);
  if (batch.endedAt === null) cli.note(`go on with: ${goOnCommand(cli, batch, options)}`);
}

function goOnCommand(cli: Cli, batch: BatchSnapshot, options: CommonOptions): string {
  const same = ["milepost", ...cli.argv.map(shown)].map(shellQuote).join(" ");
  const isPiped = cli.argv.includes("-") || cli.argv.includes("--from-file=-");
  if (same.length <= COMMAND_MAX && !isPiped) return same;
  return cli.hint(options, "work", "--until-idle", "--batch", batch.name ?? batch.id);
}

/** A word of the command line as it may be shown: of a store, without the password. */
function shown(word: string): string {
  const [, option = "", location] = /^(--store=)?(postgres(?:ql)?:.*)$/is.exec(word) ?? [];
  return location === undefined ? word : option + withoutPassword(location);
}
