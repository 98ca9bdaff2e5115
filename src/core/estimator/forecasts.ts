/**
 * Ranges that were given, kept to be judged when the batch has ended.
 *
 * At most FORECASTS_MAX, evenly spread over the batch however long it gets: when there are too many, every other one goes and
 * the next ones are noted half as often.
 */
export interface Forecasts {
  /** Seconds of working time between two notes; 0 before the first. */
  every: number;
  /** Working time at the note, and the ends of the range as working time of the finish. */
  noted: (readonly [at: number, low: number, high: number])[];
}

export const FORECASTS_MAX = 20;

export function emptyForecasts(): Forecasts {
  return { every: 0, noted: [] };
}

export function note(
  forecasts: Forecasts,
  now: { readonly active: number; readonly low: number; readonly high: number },
): void {
  const last = forecasts.noted.at(-1);
  if (!(now.active > 0) || (last !== undefined && now.active < last[0] + forecasts.every)) return;
  if (last === undefined) forecasts.every = now.active;
  forecasts.noted.push([now.active, now.active + now.low, now.active + now.high]);
  if (forecasts.noted.length <= FORECASTS_MAX) return;
  forecasts.noted = forecasts.noted.filter((_, index) => index % 2 === 1);
  forecasts.every *= 2;
}

/** Share of the ranges that did not hold the true finish; null if there are none. */
export function missedShare(forecasts: Forecasts, finish: number): number | null {
  if (forecasts.noted.length === 0) return null;
  const missed = forecasts.noted.filter(([, low, high]) => finish < low || finish > high);
  return missed.length / forecasts.noted.length;
}
