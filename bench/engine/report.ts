import type { Run } from "../case.ts";
import { type Report, ratiosOf } from "../report.ts";
import { type ByRound, combine, figureByRound, map } from "../runs.ts";
import { summaryOf } from "../summary.ts";
import { showNumber, showSpread, type Table } from "../table.ts";

const SIDES = ["milepost", "raw100", "raw1000"] as const;
const LOOKS = ["status", "watch", "page", "failedPage", "changes"] as const;

const divide = (a: number, b: number): number => a / b;

function msOf(runs: readonly Run[], name: string, side: string, items?: number): ByRound {
  return figureByRound(runs, { case: name, side, ...(items === undefined ? {} : { items }) }, "ms");
}

/** Milliseconds of creation, drain, or both. */
function lifeMs(runs: readonly Run[], name: string, side: string): ByRound {
  if (name !== "life") return msOf(runs, name, side);
  return combine(msOf(runs, "create", side), msOf(runs, "drain", side), (create, drain) => create + drain);
}

/**
 * Throughput: Milepost's rate / the raw rate (`Cpu`: items per second of processor time), higher is better. `start…`: Milepost's time / the raw time, lower is better.
 * `rawNoise`: raw creation twice in one round; a difference of that size says nothing.
 * `…Growth`: cost at the largest size / cost at the smallest, per item for creation and drain, per look for the rest.
 */
export function ratiosOfEngine(runs: readonly Run[]): Pick<Report, "ratios" | "ratioSpreads"> {
  const ratios: Record<string, readonly number[]> = {};
  const add = (name: string, values: ByRound): void => {
    ratios[name] = [...values.values()];
  };
  for (const name of ["create", "drain", "life"]) {
    add(`${name}ToRaw`, combine(lifeMs(runs, name, "raw100"), lifeMs(runs, name, "milepost"), divide));
    add(`${name}ToRaw1000`, combine(lifeMs(runs, name, "raw1000"), lifeMs(runs, name, "milepost"), divide));
  }
  for (const name of ["create", "drain"]) {
    const cpu = (side: string): ByRound => figureByRound(runs, { case: name, side }, "cpuMs");
    add(`${name}CpuToRaw`, combine(cpu("raw100"), cpu("milepost"), divide));
  }
  // Both raw sides create in the same way: what they differ by is the machine's noise.
  add("rawNoise", combine(msOf(runs, "create", "raw1000"), msOf(runs, "create", "raw100"), divide));
  const p50 = (name: string, side: string): ByRound => figureByRound(runs, { case: name, side }, "p50Ms");
  add("startToRaw", combine(p50("start", "milepost"), p50("start", "rawFull"), divide));
  add("startElsewhereToRaw", combine(p50("startElsewhere", "milepost"), p50("start", "rawFull"), divide));
  const reports = (side: string): ByRound => figureByRound(runs, { case: "progress", side }, "reportsPerSecond");
  add("progressToRaw", combine(reports("milepost"), reports("raw100"), divide));
  const sizes = growthSizes(runs);
  const [small = 0, large = 0] = [sizes[0], sizes.at(-1)];
  if (small !== large) {
    for (const name of ["create", "drain"]) {
      const growth = combine(perItem(runs, name, large), perItem(runs, name, small), divide);
      add(`${name}Growth`, growth);
    }
    for (const look of LOOKS)
      add(`${look}Growth`, combine(lookMs(runs, look, large), lookMs(runs, look, small), divide));
  }
  return ratiosOf(ratios);
}

function growthSizes(runs: readonly Run[]): readonly number[] {
  const sizes = runs.filter((run) => run.case === "growth:create").map((run) => Number(run.settings.items));
  return [...new Set(sizes)].toSorted((a, b) => a - b);
}

function perItem(runs: readonly Run[], name: string, items: number): ByRound {
  return map(msOf(runs, `growth:${name}`, "milepost", items), (ms) => ms / items);
}

/** Of a batch that has ended: then all of it is there to be looked at. */
function lookMs(runs: readonly Run[], look: string, items: number, state = "Ended"): ByRound {
  return figureByRound(runs, { case: `growth:looks${state}`, side: "milepost", items }, `${look}P50Ms`);
}

/** Median, minimum and maximum over the rounds. */
export function tablesOfEngine(runs: readonly Run[], report: Pick<Report, "settings">): readonly Table[] {
  const items = Number(report.settings.items);
  const tables = [throughputTable(runs, items), otherTable(runs, items), growthTable(runs)];
  return tables.filter((table) => table.rows.length > 0);
}

function throughputTable(runs: readonly Run[], items: number): Table {
  const rows = ["create", "drain", "life"].flatMap((name) => {
    const ms = SIDES.map((side) => lifeMs(runs, name, side));
    if (ms[0] === undefined || ms[0].size === 0) return [];
    const [ours, ...raw] = ms;
    const rates = ms.map((side) => showSpread(summaryOf([...map(side, (of) => items / of).values()]), 0));
    const ratios = raw.map((side) => showSpread(summaryOf([...combine(side, ours, divide).values()]), 2));
    return [[name === "life" ? "whole life" : name, ...rates, ...ratios]];
  });
  return {
    title: `${showNumber(items, 0)} items that do nothing, thousands a second: median (min–max)`,
    columns: ["", "Milepost", "raw, chunks of 100", "raw, chunks of 1,000", "÷ raw 100", "÷ raw 1,000"],
    rows: rows.length === 0 ? rows : [...rows, ...ratioRows(runs)],
  };
}

function ratioRows(runs: readonly Run[]): readonly (readonly string[])[] {
  const { ratioSpreads } = ratiosOfEngine(runs);
  const row = (label: string, name: string, column: number): readonly (readonly string[])[] => {
    const spread = ratioSpreads[name];
    if (spread === undefined) return [];
    const cells = Array.from({ length: 5 }, (_, index) => (index === column ? showSpread(spread, 2) : ""));
    return [[label, ...cells]];
  };
  return [
    ...row("create, by processor time", "createCpuToRaw", 3),
    ...row("drain, by processor time", "drainCpuToRaw", 3),
    ...row("noise: raw create ÷ itself", "rawNoise", 4),
  ];
}

function otherTable(runs: readonly Run[], items: number): Table {
  const row = (label: string, filter: readonly [string, string, string], scale: number, digits: number) => {
    const [side, name, figure] = filter;
    const values = [...figureByRound(runs, { case: name, side }, figure).values()].map((value) => value * scale);
    return values.length === 0 ? [] : [[label, showSpread(summaryOf(values), digits)]];
  };
  const mb = 1e-6;
  return {
    title: "Memory, disk, looks, idle start, a small batch beside a large one, progress",
    columns: ["", "median (min–max)"],
    rows: [
      ...row("creating process, peak MB", ["milepost", "create", "peakBytes"], mb, 0),
      ...row("worker process, peak MB", ["milepost", "drain", "peakBytes"], mb, 0),
      ...row("worker process, settled MB", ["milepost", "drain", "settledBytes"], mb, 0),
      ...row("raw worker, peak MB", ["raw100", "drain", "peakBytes"], mb, 0),
      ...row("bytes on disk per finished item", ["milepost", "drain", "fileBytes"], 1 / items, 0),
      ...row("raw bytes per finished item", ["raw100", "drain", "fileBytes"], 1 / items, 0),
      ...["Pending", "Ended"].flatMap((state) => [
        ...row(`exact counts, p50 µs (${state.toLowerCase()})`, ["milepost", `looks${state}`, "statusP50Ms"], 1_000, 1),
        ...row(`exact counts, p99 µs (${state.toLowerCase()})`, ["milepost", `looks${state}`, "statusP99Ms"], 1_000, 1),
      ]),
      ...row("idle start in process, p50 ms", ["milepost", "start", "p50Ms"], 1, 2),
      ...row("idle start in process, p99 ms", ["milepost", "start", "p99Ms"], 1, 2),
      ...row("idle start in another process, p50 ms", ["milepost", "startElsewhere", "p50Ms"], 1, 2),
      ...row("idle start in another process, p99 ms", ["milepost", "startElsewhere", "p99Ms"], 1, 2),
      ...row("raw FULL start, p50 ms", ["rawFull", "start", "p50Ms"], 1, 2),
      ...row("raw FULL start, p99 ms", ["rawFull", "start", "p99Ms"], 1, 2),
      ...row("100 items beside the large batch, p50 ms", ["milepost", "beside", "besideP50Ms"], 1, 1),
      ...row("100 items beside the large batch, longest ms", ["milepost", "beside", "besideMaxMs"], 1, 1),
      ...row("items of the large batch meanwhile, most", ["milepost", "beside", "meanwhileMax"], 1, 0),
      ...row("progress reports accepted, thousands a second", ["milepost", "progress", "reportsPerSecond"], 1e-3, 0),
      ...row("raw progress, 100 a commit, thousands a second", ["raw100", "progress", "reportsPerSecond"], 1e-3, 0),
    ],
  };
}

function growthTable(runs: readonly Run[]): Table {
  const sizes = growthSizes(runs);
  const show = (values: ByRound, digits: number): string =>
    showNumber(summaryOf([...map(values, (ms) => 1_000 * ms).values()]).median, digits);
  return {
    title:
      "Growth, medians in µs: an item created and drained; a look at the batch once it has ended (while all is pending)",
    columns: ["items", "create", "drain", ...LOOKS],
    rows: sizes.map((items) => [
      showNumber(items, 0),
      ...["create", "drain"].map((name) => show(perItem(runs, name, items), 2)),
      ...LOOKS.map(
        (look) => `${show(lookMs(runs, look, items), 0)} (${show(lookMs(runs, look, items, "Pending"), 0)})`,
      ),
    ]),
  };
}
