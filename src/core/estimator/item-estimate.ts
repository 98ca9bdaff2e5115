import { CONSTANTS } from "./constants.ts";
import { type Prior, partialsOf, type Range } from "./estimate.ts";
import { fitPace, type InFlight, secondsLeft, totalOf } from "./in-flight.ts";
import { fitModel, placeOf } from "./model.ts";
import type { Statistics } from "./statistics.ts";

/**
 * Seconds left of one item, running (`age` above 0) or waiting (`age` 0: what it will take once it runs).
 *
 * From its own reports, its size and kind, and whatever the batch and its history know. Null while nothing is known.
 */
export function estimateItem(
  facts: { readonly statistics: Statistics; readonly prior: Prior | null },
  item: InFlight,
): Range | null {
  const { statistics, prior } = facts;
  const pace = fitPace(statistics.curve, prior?.pace ?? null);
  const model = fitModel(statistics, partialsOf({ statistics, inFlight: [item] }, pace), prior);
  if (model === null) return null;
  const place = placeOf(statistics, item);
  const [expected = 0] = model.at([place]);
  const total = totalOf(item, pace, { expected, noise: model.noise });
  const level = model.varianceOf([place], [1]) + CONSTANTS.futureVariance;
  const deviation = Math.sqrt(total.deviation ** 2 + total.trust ** 2 * level);
  const [low = 0, median = 0, high = 0] = [0.1, 0.5, 0.9].map((share) =>
    secondsLeft(item.age, { mean: total.mean, deviation }, share),
  );
  return { low, median, high };
}
