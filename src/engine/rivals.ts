import type { Range } from "../core/estimator/estimate.ts";

/** The batches that share a queue's workers with one batch, each with its own time at all of them; null: not known. */
export interface Rivals {
  /** Of better priority: everything of theirs runs first. */
  readonly better: readonly (Range | null)[];
  /** Of equal priority. */
  readonly older: readonly (Range | null)[];
  readonly younger: readonly (Range | null)[];
}

/** Where a batch stands in its queue. */
export interface QueuePlace {
  /** 1 for what is next. */
  readonly position: number;
  /** Seconds until its first item starts; null where something ahead of it has no estimate. */
  readonly startsIn: Range | null;
}

const NONE: Range = { low: 0, median: 0, high: 0 };
/** Of equals the oldest gets three claims of four, the younger ones share the fourth (Store.claim). */
const SHARE_OF_YOUNGER = 1 / 4;

/**
 * How long a batch takes among its rivals, where alone it would take `own`. As of liquids, without the places where one batch's
 * last items leave room for another's first. Null where it depends on a rival of which nothing is known.
 */
export function amongRivals(own: Range, rivals: Rivals): Range | null {
  const better = sumOf(rivals.better);
  if (better === null) return null;
  const others = rivals.older.length + rivals.younger.length;
  // While it is the oldest, the younger ones get a third of what it gets.
  const younger = least(
    sumOf(rivals.younger),
    scale(own, others === 0 ? 0 : SHARE_OF_YOUNGER / (1 - SHARE_OF_YOUNGER)),
  );
  if (rivals.older.length === 0) return addRanges(own, addRanges(better, younger));
  // Its part of the younger ones' share brings it to its end at the latest.
  const older = sumOf(rivals.older);
  const slowest = scale(own, others / SHARE_OF_YOUNGER - 1);
  return addRanges(own, addRanges(better, least(older === null ? null : addRanges(older, younger), slowest)));
}

export function placeInQueue({ better, older }: Rivals): QueuePlace {
  const position = better.length + older.length + 1;
  // One of equal priority gets its first items at once.
  return { position, startsIn: sumOf(better) };
}

/** Medians add up; the distances to the ends of the ranges add up as those of independent quantities do, by squares. */
export function addRanges(a: Range, b: Range): Range {
  const median = a.median + b.median;
  const below = Math.hypot(a.median - a.low, b.median - b.low);
  const above = Math.hypot(a.high - a.median, b.high - b.median);
  return { low: Math.max(0, median - below), median, high: median + above };
}

function sumOf(ranges: readonly (Range | null)[]): Range | null {
  return ranges.reduce<Range | null>(
    (sum, range) => (sum === null || range === null ? null : addRanges(sum, range)),
    NONE,
  );
}

function scale({ low, median, high }: Range, factor: number): Range {
  return { low: low * factor, median: median * factor, high: high * factor };
}

function least(a: Range | null, b: Range): Range {
  if (a === null) return b;
  return { low: Math.min(a.low, b.low), median: Math.min(a.median, b.median), high: Math.min(a.high, b.high) };
}
