/**
 * log seconds = level + slope × log size + bend(log size) + offset of the kind + noise
 *
 * A linear regression with a normal prior (Bayes). An item's features are f = (1, x, bumps of x, …), the unknown weights
 * have a mean m and a covariance C, and y = f·w + noise of variance v was seen. With the gain g = C f and s = f·g + v
 *
 *   m += g (y - f·m) / s        C -= g gᵀ / s        (Kalman; the same as the normal equations, one look at a time)
 *
 * so neither the order of looks nor their grouping matters. Little evidence leaves the usual slope in charge (time grows with the
 * root of bytes rather than with bytes), much evidence bends it, and beyond the sizes seen so far the usual slope returns.
 * Without sizes: .209. Without bumps: .178. Without kinds: .156, later .145.
 */
import { CONSTANTS } from "./constants.ts";
import { cellNameOf, kindIn, logSizeOf, type Sized } from "./tally.ts";

export type Features = readonly number[];

/** Normal distribution of the weights. */
export interface Belief {
  readonly mean: number[];
  readonly covariance: number[][];
}

/** Log sizes, four octaves apart, at which the line can bend: bumps as wide as their distance, from 1 to 2³⁵. */
const BUMPS = [0, 3, 6, 9, 12, 15, 18, 21, 24];
const MIDDLE = 12;

/** `kinds`: those that have an offset of their own. */
export function featuresOf(kinds: readonly string[], { kind, size }: Sized): Features {
  const x = logSizeOf(size);
  const own = kindIn(cellNameOf({ kind, size }));
  const bumps = BUMPS.map((at) => (x === null ? 0 : Math.exp(-(((x - at) / 3) ** 2))));
  const offsets = kinds.map((known) => Number(known === own));
  return [1, x === null ? 0 : x - MIDDLE, Number(x === null), ...bumps, ...offsets];
}

/** What is believed before anything was seen: a level as good as unknown, so that no unit of time is preferred. */
export function usualBelief(kinds: readonly string[]): Belief {
  const { slope, slopeVariance, bendVariance, kindVariance } = CONSTANTS;
  const variances = [
    1e8,
    slopeVariance,
    bendVariance,
    ...BUMPS.map(() => bendVariance),
    ...kinds.map(() => kindVariance),
  ];
  const covariance = variances.map((variance, i) => variances.map((_, j) => (i === j ? variance : 0)));
  return { mean: variances.map((_, i) => (i === 1 ? slope : 0)), covariance };
}

/** Makes it the belief about the next batch: every weight may have changed. */
export function loosen({ covariance }: Belief, kinds: readonly string[]): void {
  const { historyLevel, historyChange } = CONSTANTS;
  const usual = usualBelief(kinds).covariance;
  for (const [i, row] of covariance.entries()) {
    row[i] = (row[i] ?? 0) + (i === 0 ? historyLevel : historyChange * (usual[i]?.[i] ?? 0));
  }
}

/** Takes in that `y` was seen of an item; changes the belief. */
export function observe({ mean, covariance }: Belief, at: Features, y: number, variance: number): void {
  const gain = covariance.map((row) => dot(row, at));
  const spread = dot(gain, at) + variance;
  const off = (y - dot(mean, at)) / spread;
  for (const [i, row] of covariance.entries()) {
    const own = gain[i] ?? 0;
    mean[i] = (mean[i] ?? 0) + off * own;
    for (let j = 0; j < row.length; j++) row[j] = (row[j] ?? 0) - (own / spread) * (gain[j] ?? 0);
  }
}

/** How unsure the belief is of the mean of items with such features. */
export function varianceAt({ covariance }: Belief, at: Features): number {
  const gain = covariance.map((row) => dot(row, at));
  return Math.max(0, dot(gain, at));
}

export function dot(a: Features, b: Features): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
