export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function summaryOf(numbers: readonly number[]): Summary {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
  return { median: at(0.5), min: at(0), max: at(1) };
}

export function show(summary: Summary, digits: number): string {
  const text = (value: number): string => value.toFixed(digits);
  return `median ${text(summary.median)}  min ${text(summary.min)}  max ${text(summary.max)}`;
}
