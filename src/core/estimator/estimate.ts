/**
 * Remaining time: what waits by size and kind, at the level that will last, with what runs now, put on the workers in some
 * dozens of scenarios; their quantiles are the answer.
 */
import { varianceAt } from "./belief.ts";
import { CONSTANTS } from "./constants.ts";
import { deviateAt, type InFlight, secondsLeft } from "./in-flight.ts";
import { type Facts, fitModel, type Group, LANES_MAX, type Model, sampleOf } from "./model.ts";
import { drawIn, finishOf, QUANTILES, quantileOf } from "./scenarios.ts";
import { sumOf } from "./tally.ts";

/** Seconds: the median and the ends of the 80 % range. */
export type Range = Readonly<Record<"low" | "median" | "high", number>>;

/** Recording an item takes this long however short its work is. */
const SECONDS_MIN = 10e-6;

/** Seconds until every item has ended; null while nothing is known or nothing is left. Pure: it changes nothing. */
export function estimateLeft(facts: Facts): Range | null {
  const model = fitModel(facts);
  if (model === null) return null;
  const { waiting } = model;
  const count = sumOf(waiting, (group) => group.count);
  const atOnce = Math.min(facts.workers, count + facts.inFlight.length);
  if (!(atOnce > 0)) return null;
  const lanes = Math.min(LANES_MAX, Math.ceil(atOnce - 1e-9));
  const each = Math.max(1, atOnce / lanes);
  const running = sampleOf(model.running, lanes);
  const free = Array.from({ length: lanes - running.length }, () => 0);
  const tail = tailOf(waiting, Math.min(CONSTANTS.tailItems, Math.round(count / each)));
  const whole = sumOf(waiting, (group) => group.count * group.seconds) / each;
  const bulk = tail.length * each >= count ? 0 : Math.max(0, whole - sumOf(tail));
  // What comes on top of items that run and end well: failed attempts, hits in the cache, seconds between two items.
  const { completed, failed, ...sums } = facts.tally.sums;
  const settled = completed + failed + CONSTANTS.usualItems;
  const cached = (sums.cached - sums.cachedFirst) / (sums.cached - sums.cachedFirst + settled);
  const gap = sums.idle / Math.max(1, completed + failed + sums.cached);
  const well = completed === 0 ? 0 : (sums.busy - sums.lost) / completed;
  const perItem = well === 0 ? 1 : (sums.busy + CONSTANTS.usualItems * well) / (settled * well);
  const done = sums.busy + sumOf(facts.inFlight, ({ age }) => age);
  const uncertainty = Math.sqrt(levelVariance(model, [...waiting, ...running]));
  const noises = QUANTILES.map((u) => Math.exp(Math.sqrt(model.noise) * deviateAt(u) - model.noise / 2));
  const finishes = QUANTILES.map((quantile, scenario) => {
    const level = uncertainty * deviateAt(quantile);
    const factor = perItem * Math.exp(model.drift.mean + level);
    // Names of what is drawn: items in flight have odd numbers, those of the tail two even ones each.
    const busy = running.map(({ item: { id, age }, mean, variance, trust }) =>
      secondsLeft(age, { mean: mean + trust * level, variance }, QUANTILES[drawIn(scenario, 2 * id + 1)] ?? 0),
    );
    const placed = tail.map((seconds, index) => {
      const isCached = cached > 0 && (QUANTILES[drawIn(scenario, 4 * index + 4)] ?? 0) < cached;
      return gap + (isCached ? 0 : factor * seconds * (noises[drawIn(scenario, 4 * index + 6)] ?? 0));
    });
    const poured = Math.max(0, bulk * (1 - cached) * factor + gap * (count / each - tail.length));
    // An error counts by its share of the whole batch; the median that is best for that weighs by one over the whole.
    // Without: .185. The whole in work, not in time: so more workers never lengthen an estimate.
    const work = done + each * (poured + sumOf(busy) + sumOf(placed));
    return [finishOf([...busy, ...free], poured, placed), work ** -CONSTANTS.lengthPower] as const;
  }).toSorted(([a], [b]) => a - b);
  const endAt = (share: number): number => Math.max(SECONDS_MIN, quantileOf(finishes, share));
  return { low: endAt(0.1), median: endAt(0.5), high: endAt(0.9) };
}

/**
 * The last items: an even sample of what waits, in an order by chance, because no one knows which come last. Steps of the
 * golden section, taken round, visit every part of the whole, from short to long, about equally often (Weyl).
 */
function tailOf(waiting: readonly Group[], length: number): readonly number[] {
  const sorted = waiting.map(({ seconds, count }) => [seconds, count] as const).toSorted(([a], [b]) => a - b);
  return Array.from({ length }, (_, index) => quantileOf(sorted, (0.5 + index * 0.6180339887) % 1));
}

/**
 * How unsure the level of all that is left is: by the evidence on its sizes and kinds, by drift, by what may still come (without:
 * covers .66 instead of .76).
 */
function levelVariance({ belief, drift }: Model, groups: readonly Group[]): number {
  const all = sumOf(groups, ({ count, seconds }) => count * seconds);
  const mixed = belief.mean.map((_, i) => sumOf(groups, ({ at, count, seconds }) => count * seconds * (at[i] ?? 0)));
  return varianceAt(belief, mixed) / all ** 2 + drift.variance + CONSTANTS.futureVariance;
}

/** Seconds left of one item, running or waiting (`age` 0: what it will take once it runs); null while nothing is known. */
export function estimateItem(facts: Facts, item: InFlight): Range | null {
  const model = fitModel({ ...facts, inFlight: [item] });
  const total = model?.running[0];
  if (!model || !total) return null;
  const variance = total.variance + total.trust ** 2 * levelVariance(model, [total]);
  const left = (share: number): number => secondsLeft(item.age, { mean: total.mean, variance }, share);
  return { low: left(0.1), median: left(0.5), high: left(0.9) };
}
