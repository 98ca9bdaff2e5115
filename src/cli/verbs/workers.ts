import { type Command, Option } from "commander";
import type { ItemSnapshot } from "../../core/item.ts";
import type { WorkerSnapshot } from "../../core/worker-snapshot.ts";
import { formatDuration, formatRelative } from "../../format/duration.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent } from "../../format/number.ts";
import { formatTable } from "../../format/table.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface WorkersOptions extends CommonOptions {
  readonly items: number;
}

const ITEMS_DEFAULT = 5;
const ITEMS_MAX = 100;

export function workersVerb(cli: Cli): Command {
  return declareVerb({
    name: "workers",
    summary: "list who works on the store, where, and on what",
    description:
      "Lists the workers of every process and machine on the store: where each runs, what it serves, what it holds, since when it is silent, and whether it is draining. A worker that is silent for longer than its lease loses its items to others.",
    examples: [
      ["milepost workers", "all of them, each with some of its items"],
      ["milepost workers --items 0", "without items"],
      ["milepost workers --json", "for programs, as GET /api/workers answers"],
    ],
  })
    .addOption(
      new Option("--items <n>", "show up to so many items of each")
        .argParser(wholeNumber(0, ITEMS_MAX))
        .default(ITEMS_DEFAULT),
    )
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => workers(cli, command.optsWithGlobals<WorkersOptions>()));
}

async function workers(cli: Cli, options: WorkersOptions): Promise<void> {
  const found = await cli.withStore(options, (milepost) => milepost.workers({ items: options.items }));
  if (options.json === true) {
    // Only here: with its schemas it would take every command longer to start.
    const { toWireWorker } = await import("../../wire/worker.ts");
    return cli.json({ workers: found.map(toWireWorker) });
  }
  if (found.length === 0) return cli.note("nobody works on this store now");
  const nowMs = cli.io.clock.now();
  cli.lines(workerTable(found, cli.columns, nowMs));
  const items = found.flatMap((worker) => worker.items.map((item) => ({ worker, item })));
  if (items.length > 0) cli.lines(["", ...itemTable(items, cli.columns, nowMs)]);
}

function workerTable(rows: readonly WorkerSnapshot[], columns: number | null, nowMs: number): readonly string[] {
  return formatTable(
    rows,
    [
      { title: "WORKER", cell: (worker) => escapeText(worker.name) },
      { title: "STATE", cell: (worker) => stateOf(worker) },
      { title: "SLOTS", cell: (worker) => formatCount(worker.concurrency), align: "right" },
      { title: "HOLDS", cell: (worker) => formatCount(worker.held), align: "right" },
      { title: "SILENT", cell: (worker) => formatDuration(worker.silentMs / 1_000), align: "right" },
      { title: "SINCE", cell: (worker) => formatRelative(worker.openedAt.getTime(), nowMs) },
      { title: "SERVES", cell: (worker) => escapeText(scopeOf(worker)), isFlexible: true },
    ],
    columns,
  );
}

function stateOf({ isDraining, concurrency, held, silentMs, leaseMs }: WorkerSnapshot): string {
  if (silentMs > leaseMs) return "lapsed";
  if (isDraining) return "draining";
  if (concurrency === 0) return "tracks";
  return held > 0 ? "works" : "waits";
}

function scopeOf({ queues, pipelines, batchId }: WorkerSnapshot): string {
  if (batchId !== null) return `batch ${batchId}`;
  const queue = queues.length === 0 ? "all queues" : `queue ${queues.join(", ")}`;
  return pipelines === null ? queue : `${queue}: ${pipelines.join(", ")}`;
}

interface Held {
  readonly worker: WorkerSnapshot;
  readonly item: ItemSnapshot;
}

function itemTable(rows: readonly Held[], columns: number | null, nowMs: number): readonly string[] {
  return formatTable(
    rows,
    [
      { title: "WORKER", cell: ({ worker }) => escapeText(worker.name) },
      { title: "ITEM", cell: ({ item }) => escapeText(item.key), isFlexible: true },
      { title: "DONE", cell: ({ item }) => formatPercent(Math.floor(item.fraction * 100)), align: "right" },
      { title: "STARTED", cell: ({ item }) => startOf(item, nowMs) },
      { title: "STAGE", cell: ({ item }) => escapeText(stageOf(item)) },
    ],
    columns,
  );
}

function startOf({ startedAt }: ItemSnapshot, nowMs: number): string {
  return startedAt === null ? "claimed" : formatRelative(startedAt.getTime(), nowMs);
}

function stageOf({ progress: { stage, done, total, unit } }: ItemSnapshot): string {
  const units = done === null ? "" : ` ${formatCount(done)}${total === null ? "" : ` of ${formatCount(total)}`}`;
  return `${stage ?? ""}${units}${units !== "" && unit !== null ? ` ${unit}` : ""}`.trim();
}
