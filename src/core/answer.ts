import { CONSTANTS } from "./estimator/constants.ts";
import type { Range } from "./estimator/estimate.ts";
import { type Noted, wideningOf } from "./estimator/history.ts";
import type { Facts } from "./estimator/model.ts";

/** Time left in seconds: with a chance of 80 % between `low` and `high`, as likely under `median` as over it. */
export interface Estimate extends Range {
  readonly confidence: 0.8;
  /** What it rests on: earlier batches, items that ended, or reports of items that run. */
  readonly basis: "history" | "items" | "units";
  /** When the median falls due. */
  readonly finishAt: Date;
}

/** Why there is no estimate. */
export type NoEstimateReason = "no-evidence" | "paused" | "no-workers" | "open-batch";

export type Answer =
  | { readonly estimate: Estimate; readonly reason: null }
  | {
      readonly estimate: null;
      readonly reason: NoEstimateReason;
      /** What would be left once a paused batch is resumed; null if that is not known either. */
      readonly afterResume: Range | null;
    };

/** The finish that was shown, in seconds of working time; null before the first. */
export type Shown = number | null;

/** Items of a batch that make its history no longer the main source. */
const ITEMS_OF_HISTORY = 4;

/**
 * What is shown of `left`, and the finish that is the next answer's `shown`. Never negative, never NaN, never 0 while items are
 * left; null with a reason rather than a guess. `now` in seconds since 1970.
 */
export function answerOf(
  facts: Facts & {
    /** Seconds of working time so far. */
    readonly active: number;
    readonly shown: Shown;
    /** Ranges of earlier looks, and what this one's finish rests on. */
    readonly noted: readonly Noted[];
    readonly terms: string;
    readonly isOpen: boolean;
    readonly isPaused: boolean;
    readonly now: number;
  },
  left: Range | null,
): { readonly answer: Answer; readonly shown: Shown } {
  const { active, isPaused, tally, history, now } = facts;
  const none = (reason: NoEstimateReason, afterResume: Range | null = null): Answer => ({
    estimate: null,
    reason,
    afterResume,
  });
  if (facts.isOpen) return { answer: none("open-batch"), shown: facts.shown };
  if (facts.workers <= 0) return { answer: none("no-workers"), shown: facts.shown };
  if (left === null) return { answer: none(isPaused ? "paused" : "no-evidence"), shown: facts.shown };
  const shown = steady(facts.shown, active, left);
  const median = shown - active;
  const by = wideningOf(facts.noted, [active + left.low, active + left.high, facts.terms], history?.widening);
  const endOf = (end: number): number => left.median * (end / left.median) ** by;
  // The ends of the range stay where they are, unless the shown median lies outside.
  const range = { low: Math.min(endOf(left.low), median), median, high: Math.max(endOf(left.high), median) };
  if (isPaused) return { answer: none("paused", range), shown };
  const { completed } = tally.sums;
  const basis = history !== null && completed < ITEMS_OF_HISTORY ? "history" : completed > 0 ? "items" : "units";
  const finishAt = new Date((now + median) * 1_000);
  return { answer: { estimate: { ...range, confidence: 0.8, basis, finishAt }, reason: null }, shown };
}

/**
 * The finish to show: it gives way only by what is over a slack of an eighth of the range's width, as a gear with play. Small turns,
 * one with every item that ends, are not shown; a true change is followed at once, without the lag of an average. Without: 34
 * turns instead of 3.
 */
export function steady(shown: Shown, active: number, { low, median, high }: Range): number {
  const finish = active + median;
  const slack = CONSTANTS.slack * (high - low);
  const near = Math.min(finish + slack, Math.max(finish - slack, shown ?? finish));
  // Time passes: what is shown is never over while work is left.
  return Math.max(near, active + median / 2);
}
