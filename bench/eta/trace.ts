import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What happened: `s` start, `p` progress (`x` = fraction), `d` done, `h` done at once from a cache, `f` an attempt failed
 * (`x` = 1: for good, 0: the item will run again), `P` pause, `R` resume, `c` `x` workers from now on.
 */
export type Code = "s" | "p" | "d" | "h" | "f" | "P" | "R" | "c";

/** `at` in seconds since the start of the recording; `item` is -1 for what concerns the whole batch. */
export interface TraceEvent {
  readonly at: number;
  readonly code: Code;
  readonly item: number;
  readonly x: number;
}

export interface TraceItem {
  /** Bytes. */
  readonly size: number | null;
  readonly kind: string;
}

/** One recorded or made-up batch; times in seconds. */
export interface Trace {
  readonly name: string;
  /** Traces of one sort of work; every group weighs the same in a mean. */
  readonly group: string;
  readonly workers: number;
  readonly items: readonly TraceItem[];
  readonly events: readonly TraceEvent[];
}

const CODES: ReadonlySet<string> = new Set(["s", "p", "d", "h", "f", "P", "R", "c"]);

interface TraceFile {
  readonly name: string;
  readonly group: string;
  readonly c: number;
  readonly unit: "ms" | "s";
  readonly items: readonly { readonly size?: number; readonly kind?: string }[];
  readonly ev: readonly (readonly [number, string, number, number?])[];
}

/** Reads one trace file. @throws Error naming the file, what was expected and what was found. */
export function readTrace(path: string): Trace {
  const file = JSON.parse(readFileSync(path, "utf8")) as TraceFile;
  const perSecond = file.unit === "ms" ? 1_000 : 1;
  if (file.unit !== "ms" && file.unit !== "s")
    throw new Error(`${path}: expected the unit "ms" or "s"; found ${JSON.stringify(file.unit)}`);
  let before = 0;
  const events = file.ev.map(([at, code, item, x], index): TraceEvent => {
    const isItem = code !== "P" && code !== "R" && code !== "c";
    if (!CODES.has(code)) throw new Error(`${path}: event ${index} has the unknown code ${JSON.stringify(code)}`);
    if (isItem && file.items[item] === undefined) throw new Error(`${path}: event ${index} names no item: ${item}`);
    if (!(at >= before)) throw new Error(`${path}: event ${index} at ${at} comes after one at ${before}; sort by time`);
    before = at;
    return { at: at / perSecond, code: code as Code, item, x: x ?? 0 };
  });
  return {
    name: file.name ?? basename(path, ".json"),
    group: file.group,
    workers: file.c,
    items: file.items.map(({ size, kind }) => ({ size: size ?? null, kind: kind ?? "" })),
    events,
  };
}

/** The recorded batches, and the earlier ones of the same kinds of work that a history may learn from. */
export function readTraces(folder: string = fileURLToPath(new URL("traces", import.meta.url))): {
  readonly traces: readonly Trace[];
  readonly earlier: readonly Trace[];
} {
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => readTrace(join(folder, name)));
  const isEarlier = (trace: Trace): boolean => trace.name.startsWith("hist-") || trace.group === "hist";
  return { traces: all.filter((trace) => !isEarlier(trace)), earlier: all.filter(isEarlier) };
}

/** The earlier batch of the same work: `hist-img-webp` for `img-webp-pause-c2`, the longest name that fits. */
export function earlierOf(trace: Trace, earlier: readonly Trace[]): Trace | undefined {
  const work = (name: string): string => name.replace(/^hist-/, "");
  return earlier
    .filter(({ name }) => trace.name === work(name) || trace.name.startsWith(`${work(name)}-`))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** Spans in which the batch was paused: [from, to] in seconds. */
export function pausesOf(trace: Trace): readonly (readonly [number, number])[] {
  const spans: [number, number][] = [];
  let from: number | null = null;
  for (const { at, code } of trace.events) {
    if (code === "P") from ??= at;
    if (code === "R" && from !== null) {
      spans.push([from, at]);
      from = null;
    }
  }
  return spans;
}

/** Seconds of work until `at`: paused spans do not exist. */
export function activeAt(pauses: readonly (readonly [number, number])[], at: number): number {
  let active = at;
  for (const [from, to] of pauses) active -= Math.max(0, Math.min(at, to) - from);
  return active;
}

/** The moment at which `active` seconds of work had passed. */
export function momentOf(pauses: readonly (readonly [number, number])[], active: number): number {
  let at = active;
  for (const [from, to] of pauses) if (from < at) at += to - from;
  return at;
}
