import type { Figures } from "../case.ts";
import { summaryOf } from "../summary.ts";
import { showNumber, showSpread, type Table } from "../table.ts";

/** What a server spends. Times are milliseconds of one of its cores. */
export interface Costs {
  readonly itemMs: number;
  readonly transactionMs: number;
  /** Of a worker that waits, each second. */
  readonly workerMs: number;
  /** Transactions beyond those of waiting, that a worker makes in a second while its handlers are busy. */
  readonly transactionsPerS: number;
  /** Of the worker process. */
  readonly ownItemMs: number;
  readonly itemBytes: number;
  readonly itemWalBytes: number;
}

interface Load {
  readonly items: number;
  readonly figures: Figures;
}

/**
 * Two runs of the same items, in large commits and in small ones, are two equations with two unknowns, what an item costs and
 * what a transaction costs; a run of workers without work says what is to be taken off both.
 */
export function solveCosts(runs: {
  readonly workers: number;
  readonly idle: Figures;
  readonly busy: Load;
  readonly waiting: Load;
}): Costs {
  const { workers, idle, busy, waiting } = runs;
  const perWorker = (name: string): number => get(idle, name) / (get(idle, "ms") / 1_000) / workers;
  const without = ({ figures }: Load, name: string): number =>
    get(figures, name) - perWorker(name) * workers * (get(figures, "ms") / 1_000);
  const [cpuA, cpuB] = [without(busy, "serverCpuMs"), without(waiting, "serverCpuMs")];
  const [countA, countB] = [without(busy, "transactions"), without(waiting, "transactions")];
  const determinant = busy.items * countB - waiting.items * countA;
  return {
    itemMs: (cpuA * countB - cpuB * countA) / determinant,
    transactionMs: (busy.items * cpuB - waiting.items * cpuA) / determinant,
    workerMs: perWorker("serverCpuMs"),
    transactionsPerS: countB / workers / (get(waiting.figures, "ms") / 1_000),
    ownItemMs: get(busy.figures, "workerCpuMs") / busy.items,
    itemBytes: get(busy.figures, "bytes") / busy.items,
    itemWalBytes: get(busy.figures, "walBytes") / busy.items,
  };
}

function get(figures: Figures, name: string): number {
  const value = figures[name];
  if (value === undefined) throw new Error(`the case told no ${name}`);
  return value;
}

const spread = (costs: readonly Costs[], name: keyof Costs, digits: number): string =>
  showSpread(summaryOf(costs.map((cost) => cost[name])), digits);

export function costTable(
  costs: readonly Costs[],
  about: { readonly server: string; readonly workers: number },
): Table {
  return {
    title: `${about.server}, ${about.workers} worker processes: median (min–max)`,
    columns: ["measured", ""],
    rows: [
      ["an item, milliseconds of a core of the server", spread(costs, "itemMs", 4)],
      ["a transaction, the same", spread(costs, "transactionMs", 3)],
      ["a worker that waits, the same each second", spread(costs, "workerMs", 1)],
      ["transactions of a busy worker a second", spread(costs, "transactionsPerS", 1)],
      ["an item, milliseconds of a core of the worker", spread(costs, "ownItemMs", 4)],
      ["bytes on disk of an ended item", spread(costs, "itemBytes", 0)],
      ["bytes of log of an item", spread(costs, "itemWalBytes", 0)],
    ],
  };
}

const WORKERS = 100;
const HANDLERS = 8;
const ITEMS = 1_000_000_000;
const HANDLER_MS = [10, 100, 1_000, 10_000] as const;
const HOUR_S = 3_600;
const GIGABYTE = 1e9;
const MEGABYTE = 1e6;

/** Calculated, not measured: the costs above, at the rate at which so many handlers end. */
export function clusterTable(costs: readonly Costs[]): Table {
  const median = (name: keyof Costs): number => summaryOf(costs.map((cost) => cost[name])).median;
  const rows = HANDLER_MS.map((handlerMs) => {
    const perS = (WORKERS * HANDLERS * 1_000) / handlerMs;
    // More than one commit an item there cannot be.
    const transactionsPerS = Math.min(WORKERS * median("transactionsPerS"), 2 * perS);
    const busyMs = WORKERS * median("workerMs") + transactionsPerS * median("transactionMs") + perS * median("itemMs");
    return [
      `${showNumber(handlerMs, 0)} ms`,
      showNumber(perS, 0),
      showNumber(busyMs / 1_000, 1),
      showNumber((perS * median("itemWalBytes")) / MEGABYTE, 1),
      showNumber(ITEMS / perS / HOUR_S, 1),
    ];
  });
  const disk = showNumber((ITEMS * median("itemBytes")) / GIGABYTE, 0);
  return {
    title: `calculated: ${WORKERS} workers with ${HANDLERS} handlers, ${ITEMS.toLocaleString("en")} items, ${disk} GB on disk`,
    columns: ["a handler takes", "items/s", "cores of the server", "MB of log/s", "hours"],
    rows,
  };
}

export function fairnessTable(
  runs: readonly Figures[],
  about: { readonly large: number; readonly workers: number },
): Table {
  const of = (name: string, digits: number): string => showSpread(summaryOf(runs.map((run) => get(run, name))), digits);
  return {
    title: `batches of 100 beside one of ${about.large.toLocaleString("en")}, ${about.workers} workers: median (min–max)`,
    columns: ["between a small batch's commit and the start of its last item", ""],
    rows: [
      ["items of the large one that started, on average", of("passedMean", 0)],
      ["the same, at most", of("passedMax", 0)],
      ["milliseconds, at most", of("waitedMaxMs", 0)],
    ],
  };
}
