/**
 * How long an item that runs now will take in all: a log-logistic distribution, which is much like a log-normal one and can be cut
 * at an age in closed form. What has not ended at its age takes longer, so the end of a stalled item moves away. Without reports: .296.
 */
import { CONSTANTS } from "./constants.ts";
import type { Sized } from "./tally.ts";

export interface InFlight extends Sized {
  /** Names the item: what is drawn for it stays the same from look to look. */
  readonly id: number;
  /** Seconds it has run, pauses not counted. */
  readonly age: number;
  /** As reported, 0 to 1; null while nothing was reported. */
  readonly fraction: number | null;
}

/** Of log seconds. */
export type Total = Readonly<Record<"mean" | "variance", number>>;

/** A logistic deviate times this has the deviation 1. */
const UNIT = Math.sqrt(3) / Math.PI;

/**
 * What its reports alone say of an item: its age over the share. They stray in proportion to what is left of it. Null without reports.
 */
export function reportedTotal({ age, fraction }: InFlight): Total | null {
  if (fraction === null || fraction <= 0 || age <= 0) return null;
  // An item that reports its end has still not ended.
  const share = Math.min(0.999, fraction);
  return { mean: Math.log(age / share), variance: CONSTANTS.paceVariance * (1 - share) ** 2 };
}

/** The deviate of a logistic distribution, of mean 0 and deviation 1, at the quantile `u`. */
export function deviateAt(u: number): number {
  return UNIT * Math.log(u / (1 - u));
}

/** The share of such items that have ended by an age. */
export function endedShare(age: number, { mean, variance }: Total): number {
  return 1 / (1 + Math.exp((mean - Math.log(age)) / (UNIT * Math.sqrt(variance))));
}

/**
 * Seconds left at the quantile `u` of what is possible at an age. Above 0.
 *
 * With z = (log t - mean) / scale the share of items that take longer than t is 1 / (1 + e^z). Of those that outlived their age
 * (z₀) the share 1 - u takes longer than t if 1 + e^z = (1 + e^z₀) / (1 - u), so e^z = (e^z₀ + u) / (1 - u).
 */
export function secondsLeft(age: number, { mean, variance }: Total, u: number): number {
  const scale = UNIT * Math.sqrt(Math.max(variance, 1e-6));
  const passed = (Math.log(Math.max(age, 0)) - mean) / scale;
  const rest = -Math.log1p(-u);
  // Far beyond the mean e^z₀ has no digits left for u; there the ratio to the age is taken.
  if (passed > 0) return age * Math.expm1(scale * (Math.log1p(u * Math.exp(-passed)) + rest));
  const end = Math.exp(mean + scale * (Math.log(Math.exp(passed) + u) + rest));
  return Math.max(end - age, 1e-3 * scale * age);
}
