/**
 * What a batch has taught so far: sums, and nothing but sums.
 *
 * What is taken out adds a negative, so it matters neither which process ran an item nor in which order the ends are told. `add`
 * brings together what processes saw and, by a weight, what earlier batches taught: a history is a tally too. Bounded whatever
 * the batch: at most 32 cells by kind and octave of size, and 34 by octave alone for whatever else comes; under 16 KB as JSON.
 */

/** To do: count, sum of log size. Late: see model.ts. */
export const OF_ONE_BATCH = { left: 0, leftX: 0, late: 0, lateY: 0 };
/** Completed: count, sums of log size, log seconds, its square. With a 1: of those among them that started cold. */
export const NO_ITEMS = { n: 0, x: 0, y: 0, yy: 0, n1: 0, x1: 0, y1: 0, yy1: 0, ...OF_ONE_BATCH };
/**
 * Settled items by outcome, and those that were cached before the first one ran. Seconds of all attempts (`busy`), of those that
 * failed (`lost`), of free workers between items (`idle`). Squares of the weights `late`.
 */
const NOTHING = { completed: 0, failed: 0, cached: 0, cachedFirst: 0, busy: 0, lost: 0, idle: 0, lateSquares: 0 };

/** Items of one kind and about one size. */
export type Cell = typeof NO_ITEMS;

export interface Tally {
  /** By octave of size, a space, kind. */
  readonly cells: Record<string, Cell>;
  readonly sums: typeof NOTHING;
}

/** An item as the estimator sees it. `size` in any unit that the pipeline declares; null or not above 0: unknown. */
export interface Sized {
  readonly kind: string;
  readonly size: number | null;
}

/** How an attempt ended. */
export interface Ended extends Sized {
  /** `failed` for good, `retried` when the item will run again, `cached` when there was nothing to do. */
  readonly outcome: "completed" | "cached" | "failed" | "retried";
  /** What it took, pauses not counted. */
  readonly seconds: number;
  /** Seconds of the batch's working time at which it started. */
  readonly startedActive: number;
  /** It started before its process had completed any item of the batch: see `seenIn` in model.ts. */
  readonly isFirst?: boolean;
  /** So many attempts alike in everything; default 1. */
  readonly count?: number;
}

const CELLS_MAX = 32;
const OCTAVE_MAX = 32;
export const KIND_LENGTH_MAX = 24;

export function emptyTally(): Tally {
  return { cells: {}, sums: { ...NOTHING } };
}

/** Adds `weight` times what another tally holds. */
export function add(into: Tally, part: Tally, weight = 1): void {
  addSums(into.sums, part.sums, weight);
  for (const [name, cell] of Object.entries(part.cells)) addSums(cellNamed(into, name), cell, weight);
}

function addSums<K extends string>(into: Record<K, number>, part: Readonly<Record<K, number>>, weight: number): void {
  for (const key in part) into[key] += weight * part[key];
}

/** Null where there is no size. */
export function logSizeOf(size: number | null): number | null {
  return size !== null && size > 0 ? Math.log(size) : null;
}

export function cellNameOf({ kind, size }: Sized): string {
  const x = logSizeOf(size);
  return `${x === null ? "" : Math.min(OCTAVE_MAX, Math.max(0, Math.round(x / Math.LN2)))} ${kind.slice(0, KIND_LENGTH_MAX)}`;
}

export function kindIn(cellName: string): string {
  return cellName.slice(cellName.indexOf(" ") + 1);
}

/** The cell of a name, made if there is none; where there are too many, that of the octave. */
export function cellNamed({ cells }: Tally, name: string): Cell {
  const isKept = cells[name] !== undefined || Object.keys(cells).length < CELLS_MAX;
  const kept = isKept ? name : name.slice(0, name.indexOf(" ") + 1);
  cells[kept] ??= { ...NO_ITEMS };
  return cells[kept];
}

/** Counts items in (`by` above 0) or out (under 0): added, removed, cancelled, held, retried after their end. Returns their cell. */
export function plan(tally: Tally, item: Sized, by: number): Cell {
  const cell = cellNamed(tally, cellNameOf(item));
  cell.left += by;
  cell.leftX += by * (logSizeOf(item.size) ?? 0);
  return cell;
}

export function record(tally: Tally, ended: Ended): void {
  const { sums } = tally;
  const { outcome, count = 1, isFirst = false } = ended;
  const seconds = Math.max(0, ended.seconds);
  if (outcome === "cached" && sums.busy === 0) sums.cachedFirst += count;
  if (outcome !== "cached") sums.busy += count * seconds;
  if (outcome === "failed" || outcome === "retried") sums.lost += count * seconds;
  if (outcome === "retried") return;
  sums[outcome] += count;
  const cell = plan(tally, ended, -count);
  if (outcome !== "completed") return;
  // No item ends in no time; a clock of a microsecond's steps says no more.
  const y = Math.log(Math.max(seconds, 1e-6));
  const x = logSizeOf(ended.size) ?? 0;
  // Late items count more when a jump of the level is looked for (see model.ts), in which a cold start is none.
  const late = isFirst ? 0 : Math.max(ended.startedActive, 1e-6) ** 3;
  addSums(cell, { ...NO_ITEMS, n: 1, x, y, yy: y * y, late, lateY: late * y }, count);
  if (isFirst) addSums(cell, { ...NO_ITEMS, n1: 1, x1: x, y1: y, yy1: y * y }, count);
  sums.lateSquares += count * late * late;
}

export function sumOf<T>(all: readonly T[], of: (one: T) => number = Number): number {
  return all.reduce((sum, one) => sum + of(one), 0);
}
