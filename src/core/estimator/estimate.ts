/**
 * Remaining time of a batch: what is left by size and kind (model), at the level that will last (drift), with what runs now
 * (in-flight), put on the workers (schedule) in some dozens of scenarios; their quantiles are the answer.
 */
import { CONSTANTS } from "./constants.ts";
import { fitDrift } from "./drift.ts";
import { fitPace, type InFlight, type Pace, paceOf, secondsLeft, totalOf } from "./in-flight.ts";
import { fitModel, type Model, type ModelPrior, type Partial, type Place, placeOf, placesOf } from "./model.ts";
import { deviateIn, hash, levelIn, quantileIn, SCENARIOS, weightedQuantiles } from "./scenarios.ts";
import { finishOf } from "./schedule.ts";
import { clockAt, octaveOf, type Statistics } from "./statistics.ts";

/** What a history lets an estimate expect before the first item ends. */
export interface Prior extends ModelPrior {
  readonly pace: Pace;
  /** Factor on the log width of the range. */
  readonly widening: number;
}

export interface Facts {
  readonly statistics: Statistics;
  /** Every item that runs now, whoever runs it. */
  readonly inFlight: readonly InFlight[];
  /** Seconds since 1970. */
  readonly now: number;
  /** Items that can run at once now; above 0. */
  readonly workers: number;
  readonly prior: Prior | null;
}

/** Seconds. `median` and the ends of the 80 % range. */
export interface Range {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** More workers than this are computed as so many, each standing for several: bounds the cost. */
const LANES_MAX = 16;
/** Items in flight that are looked at one by one for evidence on the level, and for how sure it is. */
const PARTIALS_MAX = 12;
/** Recording an item takes this long however short its work is. */
const SECONDS_MIN = 10e-6;

/** Seconds until every item has ended; null while nothing is known or nothing is left. Pure: it changes nothing. */
export function estimateLeft(facts: Facts): Range | null {
  const { statistics, prior } = facts;
  const { left } = statistics;
  const pace = fitPace(statistics.curve, prior?.pace ?? null);
  const model = fitModel(statistics, partialsOf(facts, pace), prior);
  if (model === null || left <= 0) return null;
  const lanes = Math.max(1, Math.min(LANES_MAX, facts.workers, left));
  const work = workOf(facts, model);
  const lanesAll = Math.max(1, Math.min(facts.workers, left));
  const drift = fitDrift(statistics.spans, model, work.seconds / lanesAll);
  const running = spread(facts.inFlight, Math.ceil(lanes));
  const uncertainty = Math.sqrt(
    varianceOf({ model, work, statistics, running: spread(running, PARTIALS_MAX) }) +
      drift.variance +
      CONSTANTS.futureVariance,
  );
  const tail = tailOf(work, Math.ceil(CONSTANTS.tailItems * lanes));
  const noise = Math.sqrt(model.noise);
  // Each lane stands for several workers where there are too many.
  const bulk = (Math.max(0, work.seconds - tail.seconds) * lanes) / lanesAll;
  const bulkItems = ((work.count - tail.items.length) * lanes) / lanesAll;
  const bulkNoise = bulk > 0 ? Math.sqrt(Math.expm1(model.noise) * work.squares * (bulkItems / work.count)) / bulk : 0;
  const { gap, cached, perItem } = overheadOf(facts);
  const shifted = perItem * Math.exp(drift.shift);
  const means = model.at(running.map((item) => placeOf(statistics, item)));
  const totals = running.map((item, index) => {
    const expected = (means[index] ?? 0) + drift.shift;
    return { item, total: totalOf(item, pace, { expected, noise: model.noise }) };
  });
  const { active } = clockAt(statistics, facts.now);
  const finishes = Array.from({ length: SCENARIOS }, (_, scenario) => {
    const level = uncertainty * levelIn(scenario);
    const factor = shifted * Math.exp(level);
    const busy = totals.map(({ item, total: { mean, deviation, trust } }) =>
      secondsLeft(item.age, { mean: mean + trust * level, deviation }, quantileIn(scenario, 2 * item.id + 1)),
    );
    while (busy.length < lanes) busy.push(0);
    const poured = bulk * (1 - cached) * factor * Math.exp(bulkNoise * deviateIn(scenario, -1) - bulkNoise ** 2 / 2);
    const value = finishOf({
      busy,
      bulk: poured + gap * bulkItems,
      tail: tail.items.map((seconds, index) => {
        if (cached > 0 && quantileIn(scenario, -4 * index - 5) < cached) return gap;
        return gap + (factor * seconds * Math.exp(noise * deviateIn(scenario, -4 * index - 7))) / model.lift;
      }),
    });
    // An error counts by its share of the whole batch's time; the median that is best for that weighs by one over it.
    return { value, weight: (active + value) ** -CONSTANTS.lengthPower };
  });
  return toRange(finishes, prior?.widening ?? 1);
}

function toRange(finishes: readonly { value: number; weight: number }[], widening: number): Range {
  const [low = 0, middle = 0, high = 0] = weightedQuantiles(finishes, [0.1, 0.5, 0.9]);
  const median = Math.max(middle, SECONDS_MIN);
  return {
    low: Math.min(median, median * (Math.max(low, SECONDS_MIN) / median) ** widening),
    median,
    high: Math.max(median, median * (high / median) ** widening),
  };
}

/** Every nth item, at most `limit`. */
function spread<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items;
  return Array.from({ length: limit }, (_, index) => items[Math.floor((index * items.length) / limit)]).filter(
    (item) => item !== undefined,
  );
}

/** The reports of items in flight as evidence on the level. */
export function partialsOf({ statistics, inFlight }: Pick<Facts, "statistics" | "inFlight">, pace: Pace): Partial[] {
  const reporting = inFlight.flatMap((item) => {
    const reported = paceOf(item, pace);
    return reported === null ? [] : [{ ...reported, place: placeOf(statistics, item) }];
  });
  return [...spread(reporting, PARTIALS_MAX)];
}

/** What waits for a worker, at the level of all items together. */
interface Work {
  readonly count: number;
  readonly seconds: number;
  /** Sum of the squares of the seconds of single items. */
  readonly squares: number;
  readonly cells: readonly { readonly place: Place; readonly count: number; readonly each: number }[];
}

function workOf({ statistics, inFlight }: Facts, model: Model): Work {
  const running = new Map<string, number>();
  for (const item of inFlight) {
    const key = `${placeOf(statistics, item).line} ${octaveOf(item.size)}`;
    running.set(key, (running.get(key) ?? 0) + 1);
  }
  const places = placesOf(statistics, "left");
  const means = model.at(places.map(({ place }) => place));
  const cells = places
    .map(({ place, octave, cell }, index) => ({
      place,
      count: Math.max(0, cell.left - (running.get(`${place.line} ${octave}`) ?? 0)),
      each: model.lift * Math.exp(means[index] ?? 0),
    }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => a.each - b.each);
  let count = 0;
  let seconds = 0;
  let squares = 0;
  for (const cell of cells) {
    count += cell.count;
    seconds += cell.count * cell.each;
    squares += cell.count * cell.each ** 2;
  }
  return { count, seconds, squares, cells };
}

/** How unsure the level of all that is left is, by the evidence on its sizes and kinds. */
function varianceOf(of: {
  readonly model: Model;
  readonly work: Work;
  readonly running: readonly InFlight[];
  readonly statistics: Statistics;
}): number {
  const { cells, seconds } = of.work;
  const places = of.running.map((item) => placeOf(of.statistics, item));
  const parts = [
    ...cells.map(({ place, count, each }) => ({ place, part: count * each })),
    ...of.model.at(places).map((mean, index) => ({ place: places[index], part: Math.exp(mean) })),
  ].flatMap(({ place, part }) => (place === undefined ? [] : [{ place, part }]));
  const all = parts.reduce((sum, { part }) => sum + part, 0);
  if (!(all > 0) || (seconds === 0 && places.length === 0)) return 0;
  return of.model.varianceOf(
    parts.map(({ place }) => place),
    parts.map(({ part }) => part / all),
  );
}

/** The last items: an even sample of what waits, in an order by chance, because no one knows which come last. */
function tailOf(work: Work, limit: number): { readonly items: readonly number[]; readonly seconds: number } {
  const length = Math.min(limit, Math.round(work.count));
  const items: { seconds: number; order: number }[] = [];
  let cell = 0;
  let passed = 0;
  for (let index = 0; index < length; index++) {
    const at = ((index + 0.5) / length) * work.count;
    while (cell < work.cells.length - 1 && passed + (work.cells[cell]?.count ?? 0) <= at) {
      passed += work.cells[cell]?.count ?? 0;
      cell += 1;
    }
    items.push({ seconds: work.cells[cell]?.each ?? 0, order: hash(index + 1) });
  }
  return {
    items: items.toSorted((a, b) => a.order - b.order).map(({ seconds }) => seconds),
    // All that waits is the tail: nothing is poured, whatever rounding says.
    seconds: length >= work.count ? work.seconds : items.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** What comes on top of items that run and end well. */
function overheadOf({ statistics, inFlight, now }: Facts): {
  /** Seconds between two items on one worker. */
  readonly gap: number;
  /** Chance that an item costs nothing because its result is cached. */
  readonly cached: number;
  /** Seconds of all attempts at an item over those of one that is completed. */
  readonly perItem: number;
} {
  const { completed, failed, cached, cachedFirst, busy, secondsFailed } = statistics.settled;
  const ages = inFlight.reduce((sum, { age }) => sum + age, 0);
  const ended = completed + failed + cached;
  const gap = ended === 0 ? 0 : Math.max(0, clockAt(statistics, now).capacity - busy - ages) / ended;
  // What was cached before the first item ran was done by an earlier run, and says nothing of the rest.
  const later = cached - cachedFirst;
  const mean = completed === 0 ? 0 : (busy - secondsFailed) / completed;
  const usual = CONSTANTS.failureItems * mean;
  return {
    gap,
    cached: later / (later + completed + failed + CONSTANTS.cacheItems),
    perItem: mean === 0 ? 1 : (busy + usual) / ((completed + failed) * mean + usual),
  };
}
