import type { Command } from "commander";
import type { BatchSnapshot, BatchStatus } from "../../core/batch.ts";
import { LIMITS } from "../../core/limits.ts";
import { formatRelative } from "../../format/duration.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent } from "../../format/number.ts";
import { formatTable } from "../../format/table.ts";
import { batchToJson } from "../batch-json.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { describeStatus, titleOf } from "../screen/describe.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";
import { batchStatus } from "../words.ts";

interface ListOptions extends CommonOptions {
  readonly queue?: string;
  readonly status?: BatchStatus;
  readonly limit: number;
  readonly after?: string;
}

export function listVerb(cli: Cli): Command {
  return declareVerb({
    name: "list",
    summary: "list the batches, newest first",
    description: "Lists the batches of the store, newest first.",
    examples: [
      ["milepost list", "the newest 50"],
      ["milepost list --status processing", "what runs now"],
      ["milepost list --json | jq '.batches[].name'", "for programs"],
    ],
  })
    .option("--queue <name>", "only batches of this queue")
    .option("--status <status>", "only batches with this status", batchStatus)
    .option("--limit <n>", "at most this many", wholeNumber(1, LIMITS.pageItems), 50)
    .option("--after <cursor>", "go on after this cursor, which the page before has printed")
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => list(cli, command.optsWithGlobals<ListOptions>()));
}

async function list(cli: Cli, options: ListOptions): Promise<void> {
  const { batches, nextCursor } = await cli.withStore(options, (milepost) =>
    milepost.batches({
      limit: options.limit,
      ...(options.queue !== undefined && { queue: options.queue }),
      ...(options.status !== undefined && { statuses: [options.status] }),
      ...(options.after !== undefined && { after: options.after }),
    }),
  );
  if (options.json === true) {
    cli.json({ batches: batches.map(batchToJson), nextCursor });
    return;
  }
  if (batches.length === 0) cli.note("no batches");
  else cli.lines(batchTable(batches, cli.columns, cli.io.clock.now()));
  if (nextCursor !== null) cli.note(`more: ${cli.hint(options, "list", "--after", nextCursor)}`);
}

function batchTable(batches: readonly BatchSnapshot[], columns: number | null, nowMs: number): readonly string[] {
  return formatTable(
    batches,
    [
      { title: "BATCH", cell: (batch) => escapeText(titleOf(batch)), isFlexible: true },
      { title: "STATUS", cell: describeStatus },
      { title: "DONE", cell: (batch) => formatPercent(batch.percent), align: "right" },
      { title: "ITEMS", cell: (batch) => formatCount(batch.counts.total), align: "right" },
      { title: "FAILED", cell: (batch) => formatCount(batch.counts.failed), align: "right" },
      { title: "QUEUE", cell: (batch) => escapeText(batch.queue) },
      { title: "CREATED", cell: (batch) => formatRelative(batch.createdAt.getTime(), nowMs) },
    ],
    columns,
  );
}
