import { CONSTANTS } from "./constants.ts";

/** The finish that was shown last, in seconds of working time since the batch began. */
export interface Shown {
  readonly finish: number;
}

/**
 * The finish to show: the last one, as long as the new one is near it.
 *
 * The shown finish gives way only by what is over a slack of a tenth of the range's width, as a gear with play. Small turns of
 * the estimate, one with every item that ends, are not shown; a true change is followed at once, without the lag that an
 * average has.
 */
export function steady(
  shown: Shown | null,
  now: { readonly active: number; readonly median: number; readonly width: number },
): Shown {
  const finish = now.active + now.median;
  if (shown === null) return { finish };
  const slack = CONSTANTS.slack * now.width;
  const near = Math.min(finish + slack, Math.max(finish - slack, shown.finish));
  // Time passes: what is shown is never over while work is left.
  return { finish: Math.max(near, now.active + now.median / 2) };
}
