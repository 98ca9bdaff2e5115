import { estimateLeft, type Prior, type Range } from "./estimate.ts";
import { type History, priorOf } from "./history.ts";
import type { InFlight } from "./in-flight.ts";
import { clockAt, type Statistics } from "./statistics.ts";
import { type Shown, steady } from "./steady.ts";

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

/**
 * The estimate of a batch as it is shown, and the finish that was shown with it: the next answer's `shown`.
 *
 * Pure. Workers and pause are those of the statistics' clock; `now` in seconds since 1970. Never negative, never NaN, never
 * 0 while items are left; null with a reason rather than a guess.
 */
export function answerOf(facts: {
  readonly statistics: Statistics;
  readonly inFlight: readonly InFlight[];
  readonly history: History | null;
  readonly shown: Shown | null;
  readonly isOpen: boolean;
  readonly now: number;
  /** What else the batch waits for: other batches of its queue, a time. Null: not known. */
  readonly withWaits?: (alone: Range) => Range | null;
}): { readonly answer: Answer; readonly shown: Shown | null } {
  const { statistics, inFlight, history, now } = facts;
  const { workers, isPaused } = statistics.clock;
  const none = (reason: NoEstimateReason, afterResume: Range | null = null): Answer => ({
    estimate: null,
    reason,
    afterResume,
  });
  if (facts.isOpen) return { answer: none("open-batch"), shown: facts.shown };
  if (workers <= 0) return { answer: none("no-workers"), shown: facts.shown };
  const prior = history === null ? null : priorOf(history, workers);
  const alone = estimateLeft({ statistics, inFlight, now, workers, prior });
  const raw = alone === null || facts.withWaits === undefined ? alone : facts.withWaits(alone);
  if (raw === null) return { answer: none(isPaused ? "paused" : "no-evidence"), shown: facts.shown };
  const { active } = clockAt(statistics, now);
  const shown = steady(facts.shown, { active, median: raw.median, width: raw.high - raw.low });
  const median = shown.finish - active;
  // The ends of the range stay where they are, unless the shown median lies outside.
  const range = { low: Math.min(raw.low, median), median, high: Math.max(raw.high, median) };
  if (isPaused) return { answer: none("paused", range), shown };
  const basis = basisOf(statistics, prior);
  const finishAt = new Date((now + median) * 1_000);
  return { answer: { estimate: { ...range, confidence: 0.8, basis, finishAt }, reason: null }, shown };
}

function basisOf(statistics: Statistics, prior: Prior | null): Estimate["basis"] {
  const { completed } = statistics.settled;
  // A history counts for as many items as its uncertainty leaves room for.
  if (prior !== null && completed < prior.noise / prior.levelVariance) return "history";
  return completed > 0 ? "items" : "units";
}
