export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of one figure over the rounds. */
export function summaryOf(numbers: readonly number[]): Summary {
  return { median: quantile(numbers, 0.5), min: quantile(numbers, 0), max: quantile(numbers, 1) };
}

/** The number below which `share` of the numbers lie; the mean of the two middle ones for a median of an even count. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
