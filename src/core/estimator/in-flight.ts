/**
 * How long an item that runs now will take in all.
 *
 * Two sources, weighed by their precision on the log scale: what the model expects of its size and kind, and its age over
 * the share of the work that its reports stand for. How far reports stray from the truth shrinks as an item nears its end:
 * the log deviation is proportional to what is left of it. What has not ended at its age takes longer than its age: the
 * distribution is cut there, so the end of a stalled item moves away.
 */
import { CONSTANTS } from "./constants.ts";
import { normalQuantile, normalShare } from "./normal.ts";
import { CURVE_STEPS, type Curve, type Sized } from "./statistics.ts";

export interface InFlight extends Sized {
  /** Names the item: what is drawn for it stays the same from look to look. */
  readonly id: number;
  /** Seconds it has run, pauses not counted. */
  readonly age: number;
  /** As reported, 0 to 1; null while nothing was reported. */
  readonly fraction: number | null;
}

/** What reports stand for, learned from completed items. */
export interface Pace {
  /** Log of true over reported share at reports of 10, 20, … 90 %. */
  readonly logs: readonly number[];
  /** Log variance of an item around them, at its start. */
  readonly variance: number;
}

export function fitPace(curve: Curve, prior: Pace | null): Pace {
  const logs: number[] = [];
  let items = CONSTANTS.paceItems;
  let squares = items * (prior?.variance ?? CONSTANTS.paceVariance);
  for (let step = 0; step < CURVE_STEPS; step++) {
    const n = curve.n[step] ?? 0;
    const sum = curve.log[step] ?? 0;
    const log = (sum + CONSTANTS.curveItems * (prior?.logs[step] ?? 0)) / (n + CONSTANTS.curveItems);
    logs.push(log);
    const square = (curve.square[step] ?? 0) - 2 * log * sum + n * log * log;
    const left = 1 - (step + 1) / (CURVE_STEPS + 1);
    // Nine looks at one item are one item's worth of evidence.
    squares += Math.max(0, square) / (left * left) / CURVE_STEPS;
    items += n / CURVE_STEPS;
  }
  return { logs, variance: squares / items };
}

/** The share of an item's time that a reported share stands for. */
export function trueShare(pace: Pace, fraction: number): number {
  const steps = CURVE_STEPS + 1;
  const at = Math.min(steps, Math.max(1, fraction * steps));
  const below = Math.min(steps - 1, Math.floor(at));
  const logAt = (step: number): number => (step >= steps ? 0 : (pace.logs[step - 1] ?? 0));
  const log = logAt(below) + (at - below) * (logAt(below + 1) - logAt(below));
  return Math.min(1, fraction * Math.exp(log));
}

/** What its reports alone say: total seconds and their log variance. Null without reports. */
export function paceOf(item: InFlight, pace: Pace): { readonly seconds: number; readonly variance: number } | null {
  if (item.fraction === null || !(item.fraction > 0) || !(item.age > 0)) return null;
  // An item that reports its end has still not ended.
  const share = Math.min(0.999, trueShare(pace, item.fraction));
  return { seconds: item.age / share, variance: pace.variance * (1 - share) ** 2 };
}

/** Log-normal distribution of the total seconds of one item. */
export interface Total {
  /** Mean and standard deviation of the log. */
  readonly mean: number;
  readonly deviation: number;
  /** How much of a change of the model's level reaches this item: 1 without reports, towards 0 near its end. */
  readonly trust: number;
}

/** `expected`: what the model expects of the item, in log seconds; `noise`: the log variance around it. */
export function totalOf(
  item: InFlight,
  pace: Pace,
  model: { readonly expected: number; readonly noise: number },
): Total {
  const reported = paceOf(item, pace);
  if (reported === null) return { mean: model.expected, deviation: Math.sqrt(model.noise), trust: 1 };
  const trust = reported.variance / (model.noise + reported.variance);
  // What has outlived its expectation is expected to take at least its age.
  const expected = Math.max(model.expected, Math.log(item.age));
  return {
    mean: trust * expected + (1 - trust) * Math.log(reported.seconds),
    deviation: Math.max(1e-3, Math.sqrt(trust * model.noise)),
    trust,
  };
}

/** Seconds left at the quantile `u` of an item's distribution, given that it has not ended at its age. Above 0. */
export function secondsLeft(age: number, total: Pick<Total, "mean" | "deviation">, u: number): number {
  const { mean, deviation } = total;
  if (age <= 0) return Math.exp(mean + deviation * normalQuantile(u));
  const z = (Math.log(age) - mean) / deviation;
  // Far out the normal share has no digits left; there what is over z is exponential with the rate z.
  if (z > 4) return age * Math.expm1((deviation * -Math.log1p(-u)) / z);
  const passed = normalShare(z);
  const end = Math.exp(mean + deviation * normalQuantile(passed + u * (1 - passed)));
  return Math.max(end - age, 1e-3 * deviation * age);
}
