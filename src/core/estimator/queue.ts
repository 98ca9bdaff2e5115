import type { Range } from "./estimate.ts";

/** Where something stands in its queue. Seconds. */
export interface QueuePlace {
  /** 1 for what is next. */
  readonly position: number;
  /** Until it starts; null where something ahead of it has no estimate. */
  readonly startsIn: Range | null;
}

/**
 * Where a batch stands behind those that run before it, each with its own estimate at all the queue's workers (null: none).
 *
 * Medians add up; the distances to the ends of the ranges add up as those of independent quantities do, by squares. It is
 * a little late: a batch starts when the first worker finds nothing left ahead of it, before the last item there ends.
 */
export function placeInQueue(ahead: readonly (Range | null)[]): QueuePlace {
  let median = 0;
  let below = 0;
  let above = 0;
  for (const range of ahead) {
    if (range === null) return { position: ahead.length + 1, startsIn: null };
    median += range.median;
    below += (range.median - range.low) ** 2;
    above += (range.high - range.median) ** 2;
  }
  const startsIn = { low: Math.max(0, median - Math.sqrt(below)), median, high: median + Math.sqrt(above) };
  return { position: ahead.length + 1, startsIn };
}
