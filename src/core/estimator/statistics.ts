/**
 * What a batch has taught so far: sums, and nothing but sums.
 *
 * Everything here is added to (what is taken out adds a negative), so it does not matter which process ran an item or in
 * which order reports arrive: `merge` adds what one process gathered to what others did. The one part that is no sum is
 * the clock, which its owner moves on in the order of time.
 *
 * Times in seconds. Bounded: at most KINDS_MAX kinds, CELLS_MAX cells, SPANS_MAX spans; under 16 KB as JSON.
 */
export interface Statistics {
  readonly version: 1;
  clock: Clock;
  /** Items not settled, those in flight included: the sum over the cells. */
  left: number;
  /** By kind, then by size: the octave, or "none" for items without a size. */
  cells: Record<string, Record<string, Cell>>;
  spans: Spans;
  settled: Settled;
  curve: Curve;
}

/** Working time: it stands still while the batch is paused or nobody works. */
export interface Clock {
  /** Seconds since 1970 of the last move; null before the first. */
  at: number | null;
  /** Seconds of work so far. */
  active: number;
  /** Seconds of work × workers that could have been busy. */
  capacity: number;
  workers: number;
  isPaused: boolean;
}

/** Items of one kind and about one size (an octave): those that were completed, and those still to run. */
export interface Cell {
  /** Completed; the sums of their log sizes, of their log seconds and of the squares of these, and of their seconds. */
  n: number;
  x: number;
  y: number;
  yy: number;
  seconds: number;
  /** Not settled, those in flight included; the sum of their log sizes. */
  left: number;
  leftX: number;
}

/** Completed items by the working time at which they started: span `i` covers [i, i + 1) × width. */
export interface Spans {
  /** Seconds; 0 before the first item. Doubles when there are more than SPANS_MAX spans. */
  width: number;
  sums: Record<string, Record<string, { n: number; x: number; y: number }>>;
}

export interface Settled {
  completed: number;
  /** Attempts that failed, for good or not, and their seconds. */
  attemptsFailed: number;
  secondsFailed: number;
  failed: number;
  cached: number;
  /** Of `cached`, those before the first item that really ran: what was there already says nothing of the rest. */
  cachedFirst: number;
  /** Seconds of all attempts, to tell the gaps between items. */
  busy: number;
}

/**
 * How reported progress relates to time, at the first reports of 10, 20, … 90 % or more: sums over completed items of the
 * log of the share of the item's time that had passed over the share that was reported, and of its square.
 */
export interface Curve {
  n: number[];
  log: number[];
  square: number[];
}

export const KINDS_MAX = 6;
export const CELLS_MAX = 48;
export const SPANS_MAX = 12;
/** Reports at which the curve is kept. */
export const CURVE_STEPS = 9;
/** Kinds beyond the first KINDS_MAX − 1 count as one. */
const OTHER = "other";

export function emptyStatistics(): Statistics {
  return {
    version: 1,
    clock: { at: null, active: 0, capacity: 0, workers: 0, isPaused: false },
    left: 0,
    cells: {},
    spans: { width: 0, sums: {} },
    settled: {
      completed: 0,
      attemptsFailed: 0,
      secondsFailed: 0,
      failed: 0,
      cached: 0,
      cachedFirst: 0,
      busy: 0,
    },
    curve: { n: zeros(), log: zeros(), square: zeros() },
  };
}

/** The entry under `key`, made if there is none. */
function entryOf<T>(entries: Record<string, T>, key: string, make: () => T): T {
  const known = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (known !== undefined) return known;
  const made = make();
  entries[key] = made;
  return made;
}

function zeros(): number[] {
  return Array.from({ length: CURVE_STEPS }, () => 0);
}

/** An item as the estimator sees it. `size` in any unit that the pipeline declares; null or not above 0: unknown. */
export interface Sized {
  readonly kind: string;
  readonly size: number | null;
}

/** The cell that an item belongs to; made if there is none yet. */
export function cellOf(statistics: Statistics, item: Sized): Cell {
  return cellAt(statistics, item.kind, octaveOf(item.size));
}

/** The cell of a kind at an octave, or the nearest one where there are too many. */
export function cellAt(statistics: Statistics, kind: string, octave: string): Cell {
  const octaves = entryOf(statistics.cells, kindOf(statistics, kind), () => ({}));
  const key = octave in octaves || countCells(statistics) < CELLS_MAX ? octave : nearestOctave(octaves, octave);
  return entryOf(octaves, key, () => ({ n: 0, x: 0, y: 0, yy: 0, seconds: 0, left: 0, leftX: 0 }));
}

/** The kind under which an item counts. */
export function kindOf(statistics: Statistics, kind: string): string {
  // The one name that a plain object cannot keep as an entry.
  if (kind === "__proto__") return OTHER;
  const kinds = Object.keys(statistics.cells);
  return kinds.includes(kind) || kinds.length < KINDS_MAX - 1 ? kind : OTHER;
}

export function logSizeOf(size: number | null): number {
  return size === null || !(size > 0) ? 0 : Math.log(size);
}

export function octaveOf(size: number | null): string {
  return size === null || !(size > 0) ? "none" : String(Math.round(Math.log2(size)));
}

function countCells(statistics: Statistics): number {
  let count = 0;
  for (const octaves of Object.values(statistics.cells)) count += Object.keys(octaves).length;
  return count;
}

function nearestOctave(octaves: Readonly<Record<string, Cell>>, key: string): string {
  const distance = (other: string): number => Math.abs(Number(other) - Number(key));
  const near = Object.keys(octaves)
    .filter((other) => other !== "none" && key !== "none")
    .toSorted((a, b) => distance(a) - distance(b))[0];
  return near ?? key;
}

/** Counts items in (`by` above 0) or out (under 0): added, removed, cancelled, held, retried after their end. */
export function plan(statistics: Statistics, item: Sized, by: number): void {
  const cell = cellOf(statistics, item);
  statistics.left += by;
  cell.left += by;
  cell.leftX += by * logSizeOf(item.size);
}

/** Moves the clock to `now`, and says how it goes on from there. */
export function tick(
  statistics: Statistics,
  now: { readonly at: number; readonly workers: number; readonly isPaused: boolean },
): void {
  const { clock } = statistics;
  const { active, capacity } = clockAt(statistics, now.at);
  clock.at = Math.max(now.at, clock.at ?? now.at);
  clock.active = active;
  clock.capacity = capacity;
  clock.workers = now.workers;
  clock.isPaused = now.isPaused;
}

/** The clock as it stands at `at`; a clock that went back stands still. */
export function clockAt(statistics: Statistics, at: number): { readonly active: number; readonly capacity: number } {
  const { clock } = statistics;
  const runs = clock.at !== null && !clock.isPaused && clock.workers > 0;
  const seconds = runs ? Math.max(0, at - (clock.at ?? at)) : 0;
  // Workers without an item to run are no gap between items.
  const lanes = Math.min(clock.workers, Math.max(0, statistics.left));
  return { active: clock.active + seconds, capacity: clock.capacity + lanes * seconds };
}

/** How an attempt ended. `seconds` is what it took, pauses not counted. */
export interface Ended extends Sized {
  readonly outcome: "completed" | "cached" | "failed" | "retried";
  readonly seconds: number;
  /** Seconds of working time at which it started. */
  readonly startedActive: number;
  /** So many attempts alike in everything; default 1. */
  readonly count?: number;
  /** The first reports of 10, 20, … 90 % or more, in this order; null where there was none. */
  readonly reports?: readonly (ProgressReport | null)[];
}

export interface ProgressReport {
  /** As reported, above 0 and below 1. */
  readonly fraction: number;
  /** Seconds that the item had run. */
  readonly age: number;
}

export function recordEnd(statistics: Statistics, ended: Ended): void {
  const { settled } = statistics;
  const { count = 1 } = ended;
  const seconds = Math.max(0, ended.seconds);
  if (ended.outcome === "retried" || ended.outcome === "failed") {
    settled.attemptsFailed += count;
    settled.secondsFailed += count * seconds;
    settled.busy += count * seconds;
    if (ended.outcome === "retried") return;
    settled.failed += count;
  }
  plan(statistics, ended, -count);
  if (ended.outcome === "cached") {
    settled.cached += count;
    if (settled.completed + settled.attemptsFailed === 0) settled.cachedFirst += count;
  }
  if (ended.outcome !== "completed") return;
  settled.completed += count;
  settled.busy += count * seconds;
  recordCompleted(statistics, { ...ended, seconds, count });
}

function recordCompleted(statistics: Statistics, ended: Ended & { readonly count: number }): void {
  const { count } = ended;
  const x = logSizeOf(ended.size);
  const y = logSecondsOf(ended.seconds);
  const cell = cellOf(statistics, ended);
  cell.n += count;
  cell.x += count * x;
  cell.y += count * y;
  cell.yy += count * y * y;
  cell.seconds += count * ended.seconds;
  const kind = lineOf(statistics, ended);
  const span = spanAt(statistics.spans, ended.startedActive, ended.seconds);
  const sum = entryOf(span, kind, () => ({ n: 0, x: 0, y: 0 }));
  sum.n += count;
  sum.x += count * x;
  sum.y += count * y;
  recordCurve(statistics.curve, ended);
}

/** The first reports of 10, 20, … 90 % or more, before any came. */
export function noReports(): (ProgressReport | null)[] {
  return Array.from({ length: CURVE_STEPS }, () => null);
}

/** How many of the steps of `noReports` a fraction has reached. */
export function stepsReached(fraction: number): number {
  if (!(fraction > 0 && fraction < 1)) return 0;
  return Math.min(CURVE_STEPS, Math.floor(fraction * (CURVE_STEPS + 1) + 1e-9));
}

/** Keeps a report as the first one at every step that it is the first to reach. */
export function noteReport(reports: (ProgressReport | null)[], report: ProgressReport): void {
  for (let step = stepsReached(report.fraction) - 1; step >= 0 && reports[step] === null; step--) {
    reports[step] = report;
  }
}

/** The kind, and whether it has a size: items with and without one never share a line. */
export function lineOf(statistics: Statistics, item: Sized): string {
  const kind = kindOf(statistics, item.kind);
  return item.size === null || !(item.size > 0) ? `${kind}?` : kind;
}

/** No item ends in no time; a clock of a microsecond's steps says no more. */
export function logSecondsOf(seconds: number): number {
  return Math.log(Math.max(seconds, 1e-6));
}

function recordCurve(curve: Curve, { reports = [], seconds }: Ended): void {
  for (const [step, report] of reports.entries()) {
    if (report === null || step >= CURVE_STEPS || !(report.age > 0) || !(seconds > 0)) continue;
    const log = Math.log(Math.min(1, report.age / seconds) / report.fraction);
    curve.n[step] = (curve.n[step] ?? 0) + 1;
    curve.log[step] = (curve.log[step] ?? 0) + log;
    curve.square[step] = (curve.square[step] ?? 0) + log * log;
  }
}

function spanAt(spans: Spans, startedActive: number, seconds: number): Spans["sums"][string] {
  // The first item sets the scale: nothing here knows whether items take milliseconds or hours.
  if (spans.width === 0) spans.width = Math.max(seconds, startedActive / SPANS_MAX, 1e-6) / 2;
  while (startedActive >= SPANS_MAX * spans.width) widen(spans, 2 * spans.width);
  return entryOf(spans.sums, String(Math.floor(Math.max(0, startedActive) / spans.width)), () => ({}));
}

function widen(spans: Spans, width: number): void {
  const before: Spans = { ...spans };
  spans.width = width;
  spans.sums = {};
  placeSums(spans, before);
}

/** Adds spans of any width; the wider of the two is kept. */
export function addSpans(into: Spans, part: Spans): void {
  if (part.width === 0) return;
  if (part.width > into.width) widen(into, part.width);
  placeSums(into, part);
}

function placeSums(into: Spans, part: Spans): void {
  for (const [index, lines] of Object.entries(part.sums)) {
    const middle = (Number(index) + 0.5) * part.width;
    while (middle >= SPANS_MAX * into.width) widen(into, 2 * into.width);
    const target = entryOf(into.sums, String(Math.floor(middle / into.width)), () => ({}));
    for (const [line, { n, x, y }] of Object.entries(lines)) {
      const sum = entryOf(target, line, () => ({ n: 0, x: 0, y: 0 }));
      sum.n += n;
      sum.x += x;
      sum.y += y;
    }
  }
}
