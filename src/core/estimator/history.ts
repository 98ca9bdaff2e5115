/** What is remembered of a pipeline's batches: their tallies, older ones counting less, and how wide ranges had to be. */
import { CONSTANTS } from "./constants.ts";
import { add, emptyTally, OF_ONE_BATCH, sumOf, type Tally } from "./tally.ts";

/** Deviations of a normal distribution between the ends of an 80 % range. */
const DEVIATIONS = 2.563;

export interface History {
  readonly version: 4;
  readonly tally: Tally;
  /** Factor on the log width of ranges that would have kept their word. */
  readonly widening: number;
}

/**
 * A range as it was found, its finish in working time. `terms`: what the finish rests on by decision, not by chance, as the number of
 * items and of workers; ranges of other terms cannot be compared.
 */
export type Noted = readonly [low: number, high: number, terms: string];

/** Notes one range from each fifth of the expected time (`share`: of it that has passed). */
export function noteRange(noted: readonly Noted[], share: number, range: Noted): readonly Noted[] {
  return share < 1 && share * 5 >= noted.length + 1 ? [...noted, range] : noted;
}

/**
 * The factor on the log width of ranges with which they keep their word, by how the noted ones have fared until `now`.
 *
 * A range with the middle m₀ and the deviation s₀ promises how far its middle will move and how unsure it will be then: by the law of
 * total variance s₀² is the mean of (m - m₀)² + s². So ((m - m₀) / s₀)² is 1 - (s / s₀)² in the mean, and k² times that where
 * ranges are k times too narrow. The looks of a batch are all at the same finish: together they count like the `usual` factor.
 * Without: the second and fourth sets of other work are covered .70 and .77 instead of .75 and .81.
 */
export function wideningOf(noted: readonly Noted[], now: Noted, usual = 1): number {
  const looks = noted.filter(([low, high, terms]) => terms === now[2] && high - low > now[1] - now[0]);
  const weight = CONSTANTS.ownWidth / Math.max(1, looks.length);
  const promised = sumOf(looks, ([low, high]) => 1 - ((now[1] - now[0]) / (high - low)) ** 2);
  const moved = sumOf(looks, ([low, high]) => ((now[0] + now[1] - low - high) / 2 / (high - low)) ** 2);
  const factor = Math.sqrt((usual ** 2 + weight * DEVIATIONS ** 2 * moved) / (1 + weight * promised));
  return Math.min(3, Math.max(0.5, factor));
}

/**
 * The history after one more batch has ended at `finish`; a batch in which nothing was completed teaches nothing. The width goes
 * half the way to that batch's, as the next one is another.
 */
export function learn(
  history: History | null,
  batch: { readonly tally: Tally; readonly noted: readonly Noted[]; readonly finish: number },
): History | null {
  if (batch.tally.sums.completed === 0) return history;
  const tally = emptyTally();
  if (history !== null) add(tally, history.tally, CONSTANTS.historyKept);
  add(tally, batch.tally);
  for (const cell of Object.values(tally.cells)) Object.assign(cell, OF_ONE_BATCH);
  const own = wideningOf(batch.noted, [batch.finish, batch.finish, batch.noted.at(-1)?.[2] ?? ""], history?.widening);
  return { version: 4, tally, widening: Math.sqrt((history?.widening ?? 1) * own) };
}
