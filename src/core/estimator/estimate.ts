/**
 * Remaining time: what waits by size and kind, at the level that will last, with what runs now, put on the workers in some
 * dozens of scenarios; their quantiles are the answer.
 */
import { dot, type Features, featuresOf, varianceAt } from "./belief.ts";
import { CONSTANTS } from "./constants.ts";
import { deviateAt, type InFlight, reportedTotal, secondsLeft } from "./in-flight.ts";
import { type Facts, fitModel, type Model, placesOf } from "./model.ts";
import { finishOf, quantileIn, quantileOf, SCENARIOS } from "./scenarios.ts";
import { cellNamed, cellNameOf, type Tally } from "./tally.ts";

/** Seconds: the median and the ends of the 80 % range. */
export interface Range {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** More workers than this are computed as so many, each standing for several: bounds the cost. */
const LANES_MAX = 16;
/** Recording an item takes this long however short its work is. */
const SECONDS_MIN = 10e-6;
/** Names of what is drawn: items in flight have odd numbers, those of the tail two even ones each. */
const LEVEL = 0;

/** Seconds until every item has ended; null while nothing is known or nothing is left. Pure: it changes nothing. */
export function estimateLeft(facts: Facts): Range | null {
  const { inFlight, workers } = facts;
  const model = fitModel(facts);
  if (model === null) return null;
  const waiting = waitingOf(facts, model);
  const count = waiting.at(-1)?.upTo ?? 0;
  const lanesAll = Math.min(workers, count + inFlight.length);
  if (!(lanesAll > 0)) return null;
  const each = Math.max(1, lanesAll / LANES_MAX);
  const lanes = Math.ceil(lanesAll / each - 1e-9);
  const step = Math.max(1, inFlight.length / lanes);
  const running = inFlight.filter((_, index) => index % step < 1).map((item) => totalOf(item, model));
  const uncertainty = Math.sqrt(levelVariance(model, [...waiting, ...running]));
  const tail = tailOf(waiting, Math.min(CONSTANTS.tailItems, Math.round(count / each)));
  const seconds = sumOf(waiting.map((group) => group.count * group.seconds));
  const done = facts.tally.sums.busy + sumOf(inFlight.map(({ age }) => age));
  const bulk = tail.length * each >= count ? 0 : Math.max(0, seconds / each - sumOf(tail));
  const { gap, cached, perItem } = overheadOf(facts.tally);
  const finishes = Array.from({ length: SCENARIOS }, (_, scenario) => {
    const level = uncertainty * deviateAt(quantileIn(scenario, LEVEL));
    const factor = perItem * Math.exp(model.drift.mean + level);
    const busy = running.map(({ id, age, mean, variance, trust }) =>
      secondsLeft(age, { mean: mean + trust * level, variance }, quantileIn(scenario, 2 * id + 1)),
    );
    while (busy.length < lanes) busy.push(0);
    const placed = tail.map((one, index) => {
      if (quantileIn(scenario, 4 * index + 4) < cached) return gap;
      const noise = Math.sqrt(model.noise) * deviateAt(quantileIn(scenario, 4 * index + 6));
      return gap + (factor * one * Math.exp(noise)) / model.lift;
    });
    const poured = Math.max(0, bulk * (1 - cached) * factor + gap * (count / each - tail.length));
    const left = finishOf({ busy, bulk: poured, tail: placed });
    // An error counts by its share of the whole batch; the median that is best for that weighs by one over the whole.
    // Without: .178. The whole in work, not in time: so more workers never lengthen an estimate.
    const whole = done + each * (sumOf(busy) + poured + sumOf(placed));
    return [left, whole ** -CONSTANTS.lengthPower] as const;
  });
  const median = Math.max(SECONDS_MIN, quantileOf(finishes, 0.5));
  const endAt = (share: number): number =>
    median * (Math.max(SECONDS_MIN, quantileOf(finishes, share)) / median) ** (facts.history?.widening ?? 1);
  return { low: endAt(0.1), median, high: endAt(0.9) };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Items that are alike; `upTo`: how many there are with those before. */
interface Group {
  readonly at: Features;
  readonly count: number;
  readonly seconds: number;
  readonly upTo: number;
}

/** What waits for a worker, the short items first. */
function waitingOf({ tally, inFlight }: Facts, { kinds, belief, lift }: Model): readonly Group[] {
  const running = Map.groupBy(inFlight, (item) => cellNamed(tally, cellNameOf(item)));
  const groups = placesOf(tally, "left", kinds).map(({ at, cell }) => {
    const count = Math.max(0, cell.left - (running.get(cell)?.length ?? 0));
    return { at, count, seconds: lift * Math.exp(dot(belief.mean, at)) };
  });
  let upTo = 0;
  return groups
    .toSorted((a, b) => a.seconds - b.seconds)
    .map((group) => {
      upTo += group.count;
      return { ...group, upTo };
    });
}

/**
 * The last items: an even sample of what waits, in an order by chance, because no one knows which come last. Steps of the
 * golden section, taken round, visit every part of the whole about equally often (Weyl).
 */
function tailOf(waiting: readonly Group[], length: number): readonly number[] {
  const count = waiting.at(-1)?.upTo ?? 0;
  return Array.from({ length }, (_, index) => {
    const at = ((0.5 + index * 0.6180339887) % 1) * count;
    return waiting.find(({ upTo }) => upTo > at)?.seconds ?? 0;
  });
}

/** How long a running item will take: what its reports say and what is expected of its like, weighed by their precision. */
function totalOf(item: InFlight, { kinds, belief, noise, pace, drift }: Model) {
  const at = featuresOf(kinds, item);
  const expected = dot(belief.mean, at) + drift.mean;
  const like = { id: item.id, age: item.age, at, count: 1, seconds: Math.exp(expected) };
  const reported = reportedTotal(item, pace);
  if (reported === null) return { ...like, mean: expected, variance: noise, trust: 1 };
  // How much of what is expected, and of a change of the level, reaches the item.
  const trust = reported.variance / (noise + reported.variance);
  const mean = trust * Math.max(expected, Math.log(item.age)) + (1 - trust) * reported.mean;
  return { ...like, mean, variance: trust * noise, trust };
}

/**
 * How unsure the level of all that is left is: by the evidence on its sizes and kinds, by drift, by what may still come (without:
 * covers .67 instead of .81).
 */
function levelVariance({ belief, drift }: Model, groups: readonly Pick<Group, "at" | "count" | "seconds">[]): number {
  const all = groups.reduce((sum, { count, seconds }) => sum + count * seconds, 0);
  const shareOf = (i: number): number =>
    groups.reduce((sum, { at, count, seconds }) => sum + ((count * seconds) / all) * (at[i] ?? 0), 0);
  const mixed = belief.mean.map((_, i) => shareOf(i));
  return varianceAt(belief, mixed) + drift.variance + CONSTANTS.futureVariance;
}

/** What comes on top of items that run and end well: seconds between two, the chance of a hit in the cache, failed attempts. */
function overheadOf({ sums }: Tally): { readonly gap: number; readonly cached: number; readonly perItem: number } {
  const { completed, failed, busy, lost, idle } = sums;
  const { usualItems } = CONSTANTS;
  const hits = sums.cached - sums.cachedFirst;
  const cached = hits / (hits + completed + failed + usualItems);
  const gap = idle / Math.max(1, completed + failed + sums.cached);
  const well = completed === 0 ? 0 : (busy - lost) / completed;
  const perItem = well === 0 ? 1 : (busy + usualItems * well) / ((completed + failed + usualItems) * well);
  return { gap, cached, perItem };
}

/** Seconds left of one item, running or waiting (`age` 0: what it will take once it runs); null while nothing is known. */
export function estimateItem(facts: Facts, item: InFlight): Range | null {
  const model = fitModel({ ...facts, inFlight: [item] });
  if (model === null) return null;
  const { trust, ...total } = totalOf(item, model);
  const variance = total.variance + trust ** 2 * levelVariance(model, [total]);
  const left = (share: number): number => secondsLeft(item.age, { mean: total.mean, variance }, share);
  return { low: left(0.1), median: left(0.5), high: left(0.9) };
}
