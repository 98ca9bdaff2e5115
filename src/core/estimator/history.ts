/** What is remembered of a pipeline's batches: their tallies, older ones counting less, and how wide ranges had to be. */
import { CONSTANTS } from "./constants.ts";
import { add, emptyTally, type Tally } from "./tally.ts";

export interface History {
  readonly version: 3;
  readonly tally: Tally;
  /** Factor on the log width of ranges that would have kept their word. */
  readonly widening: number;
}

/** Ranges that were given, as working time of the finish: one from each fifth of the items, to be judged at the end. */
export type Noted = readonly (readonly [low: number, high: number])[];

export function noteRange(noted: Noted, share: number, range: Noted[number]): Noted {
  return share < 1 && share * 5 >= noted.length + 1 ? [...noted, range] : noted;
}

/**
 * The history after one more batch has ended at `finish`; a batch in which nothing was completed teaches nothing.
 *
 * Ranges that missed more than one in five become wider, others narrower (adaptive conformal inference: Gibbs and Candès, 2021).
 */
export function learn(
  history: History | null,
  batch: { readonly tally: Tally; readonly noted: Noted; readonly finish: number },
): History | null {
  if (batch.tally.sums.completed === 0) return history;
  const tally = emptyTally();
  if (history !== null) add(tally, history.tally, CONSTANTS.historyKept);
  add(tally, batch.tally);
  for (const cell of Object.values(tally.cells)) Object.assign(cell, { left: 0, leftX: 0, late: 0, lateY: 0 });
  const missed = batch.noted.filter(([low, high]) => batch.finish < low || batch.finish > high).length;
  const off = batch.noted.length === 0 ? 0 : missed / batch.noted.length - 0.2;
  const widening = (history?.widening ?? 1) * Math.exp(CONSTANTS.historyWidening * off);
  return { version: 3, tally, widening: Math.min(3, Math.max(0.5, widening)) };
}
