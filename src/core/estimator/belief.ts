/**
 * log seconds = level + slope × log size + bend(log size) + offset of the kind, of a cold start, of earlier batches + noise
 *
 * A linear regression with a normal prior (Bayes). An item's features are f = (1, x, bumps of x, …), the unknown weights
 * have a mean m and a covariance C, and y = f·w + noise of variance v was seen. With the gain g = C f and s = f·g + v
 *
 *   m += g (y - f·m) / s        C -= g gᵀ / s        (Kalman; the same as the normal equations, one look at a time)
 *
 * so neither the order of looks nor their grouping matters. Little evidence leaves the usual slope in charge (time grows with the
 * root of bytes rather than with bytes), much evidence bends it, and beyond the sizes seen so far the usual slope returns.
 * Without sizes: .211, later .273. Without bumps: .181, later .165. Without kinds: .159, later .141.
 */
import { CONSTANTS } from "./constants.ts";
import { KIND_LENGTH_MAX, logSizeOf, type Sized } from "./tally.ts";

export type Features = Float64Array;

/** Normal distribution of the weights. */
export interface Belief {
  readonly mean: Float64Array;
  readonly covariance: readonly Float64Array[];
}

/** Log sizes, four octaves apart, at which the line can bend: bumps as wide as their distance, from 1 to 2³⁵. */
const BUMPS = [0, 3, 6, 9, 12, 15, 18, 21, 24];
const MIDDLE = 12;

/** `kinds`: those that have an offset of their own. 1 for an item that started cold, for one of an earlier batch. */
export function featuresOf(kinds: readonly string[], { kind, size }: Sized, cold = 0, past = 0): Features {
  const x = logSizeOf(size);
  const bumps = BUMPS.map((at) => (x === null ? 0 : Math.exp(-(((x - at) / 3) ** 2))));
  const offsets = kinds.map((known) => Number(known === kind.slice(0, KIND_LENGTH_MAX)));
  return Float64Array.of(1, x === null ? 0 : x - MIDDLE, cold, past, Number(x === null), ...bumps, ...offsets);
}

/** What is believed before anything was seen: a level as good as unknown, so that no unit of time is preferred. */
export function usualBelief(kinds: readonly string[]): Belief {
  const { slope, slopeVariance, cold, coldVariance, bendVariance, kindVariance, historyLevel } = CONSTANTS;
  const bends = [0, ...BUMPS].map(() => bendVariance);
  const variances = [1e8, slopeVariance, coldVariance, historyLevel, ...bends, ...kinds.map(() => kindVariance)];
  const mean = new Float64Array(variances.length);
  mean.set([slope, cold], 1);
  return { mean, covariance: variances.map((variance, i) => new Float64Array(mean.length).fill(variance, i, i + 1)) };
}

/** Takes in that `y` was seen of an item; changes the belief. */
export function observe({ mean, covariance }: Belief, at: Features, y: number, variance: number): void {
  const gain = new Float64Array(covariance.map((row) => dot(row, at)));
  const spread = dot(gain, at) + variance;
  const off = y - dot(mean, at);
  for (const [i, row] of covariance.entries()) {
    const share = (gain[i] ?? 0) / spread;
    mean[i] = (mean[i] ?? 0) + off * share;
    for (let j = 0; j < row.length; j++) row[j] = (row[j] ?? 0) - share * (gain[j] ?? 0);
  }
}

/** How unsure the belief is of the mean of items with such features. */
export function varianceAt({ covariance }: Belief, at: Features): number {
  const gain = new Float64Array(covariance.map((row) => dot(row, at)));
  return Math.max(0, dot(gain, at));
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
