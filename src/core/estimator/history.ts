/**
 * What is remembered of a pipeline's batches, and what it lets the next one expect.
 *
 * One row per pipeline, about 500 bytes: mean log seconds at a few sizes, how far each kind lies from that, how noisy items
 * are, what their reports are worth, how much batches differ, and how wide ranges had to be.
 */
import { CONSTANTS } from "./constants.ts";
import type { Prior } from "./estimate.ts";
import { fitPace, type Pace } from "./in-flight.ts";
import { fitModel, type Model, type Place, placesOf } from "./model.ts";
import type { Statistics } from "./statistics.ts";

export interface History {
  readonly version: 1;
  /** Batches learned from. */
  readonly batches: number;
  /** Mean workers of the last batch. */
  readonly workers: number;
  /** Log size and mean log seconds, by size; a single one for work without sizes. */
  readonly knots: readonly (readonly [number, number])[];
  /** Offset of each kind in log seconds. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Log variance of the level from batch to batch. */
  readonly variance: number;
  readonly noise: number;
  readonly noiseItems: number;
  readonly pace: Pace;
  /** Factor on the log width of ranges that would have kept their word. */
  readonly widening: number;
}

/** A newer batch counts for at least this much against all before: machines and pipelines change. */
const NEWEST_SHARE = 0.3;
const NOISE_ITEMS_KEPT = 200;

/** `workers`: items that will run at once. */
export function priorOf(history: History, workers: number): Prior {
  // More workers on the same cores slow each other down: between not at all and in full.
  const ratio = Math.log(Math.max(1, workers) / Math.max(1, history.workers));
  return {
    meanAt: ({ line, x }) =>
      meanAt(history.knots, x) +
      (Object.hasOwn(history.kinds, line) ? (history.kinds[line] ?? 0) : 0) +
      CONSTANTS.contention * ratio,
    levelVariance: history.variance + CONSTANTS.contentionVariance * ratio ** 2,
    slopeVariance: CONSTANTS.historySlopeVariance,
    bendVariance: CONSTANTS.historyBendVariance,
    kindVariance: CONSTANTS.historyKindVariance,
    noise: history.noise,
    noiseItems: Math.min(history.noiseItems, CONSTANTS.historyNoiseItems),
    pace: history.pace,
    widening: history.widening,
  };
}

function meanAt(knots: History["knots"], x: number | null): number {
  const last = knots.length - 1;
  const middle = knots[Math.floor(last / 2)] ?? [0, 0];
  if (x === null) return middle[1];
  const above = knots.findIndex(([size]) => size >= x);
  const to = knots[above === -1 ? last : above] ?? middle;
  const from = knots[above === -1 ? last : above - 1] ?? to;
  // Beyond the sizes ever seen the usual slope goes on.
  if (to[0] === from[0]) return to[1] + CONSTANTS.slope * (x - to[0]);
  return from[1] + ((to[1] - from[1]) * (x - from[0])) / (to[0] - from[0]);
}

/**
 * The history after one more batch has ended; a batch in which nothing was completed teaches nothing.
 *
 * `missed`: the share of the batch's forecasts whose range did not hold the truth, null if none was noted. Ranges that
 * missed more than one in five become wider, others narrower (adaptive conformal inference: Gibbs and Candès, 2021).
 */
export function learn(
  history: History | null,
  batch: { readonly statistics: Statistics; readonly missed: number | null },
): History | null {
  const { statistics, missed } = batch;
  const { active, capacity } = statistics.clock;
  const workers = active > 0 ? Math.max(1, capacity / active) : 1;
  const prior = history === null ? null : priorOf(history, workers);
  const model = fitModel(statistics, [], prior);
  if (model === null || statistics.settled.completed === 0) return history;
  const batches = (history?.batches ?? 0) + 1;
  const off = offOf(statistics, prior);
  // The posterior stands at this batch's level; the next batch is expected between it and those before.
  const back = history === null ? 0 : (Math.max(1 / batches, NEWEST_SHARE) - 1) * off;
  const shared = CONSTANTS.historyBatches + batches - 1;
  const widening = (history?.widening ?? 1) * (missed === null ? 1 : Math.exp(missed - 0.2));
  const pace = fitPace(statistics.curve, history?.pace ?? null);
  return {
    version: 1,
    batches,
    workers: round(workers),
    knots: knotsOf({ history, statistics, model }).map(([x, y]) => [round(x), round(y + back)] as const),
    kinds: { ...history?.kinds, ...kindsOf(statistics, model) },
    variance:
      history === null ? CONSTANTS.historyVariance : round((history.variance * (shared - 1) + off * off) / shared),
    noise: round(model.noise),
    noiseItems: Math.min(NOISE_ITEMS_KEPT, statistics.settled.completed + (history?.noiseItems ?? 0)),
    pace: { logs: pace.logs.map(round), variance: round(pace.variance) },
    widening: round(Math.min(3, Math.max(0.5, widening))),
  };
}

/** Mean log residual of the batch against what was expected. */
function offOf(statistics: Statistics, prior: Prior | null): number {
  if (prior === null) return 0;
  let off = 0;
  for (const { place, cell } of placesOf(statistics, "completed")) off += cell.y - cell.n * prior.meanAt(place);
  return off / statistics.settled.completed;
}

/** The pooled line at an octave's sizes, for every octave ever seen. */
function knotsOf(from: {
  readonly history: History | null;
  readonly statistics: Statistics;
  readonly model: Model;
}): [number, number][] {
  const sizes = new Map<number, number | null>();
  const isSized = (place: Place): boolean => place.x !== null;
  const places = placesOf(from.statistics, "completed").map(({ place }) => place);
  for (const [x] of from.history?.knots ?? []) sizes.set(Math.round(x / Math.LN2), x);
  for (const { x } of places.filter(isSized)) sizes.set(Math.round((x ?? 0) / Math.LN2), x);
  if (sizes.size === 0) sizes.set(0, null);
  const pooled = [...sizes.values()].map((x): Place => ({ line: "", x }));
  const means = from.model.at(pooled);
  return pooled.map(({ x }, index): [number, number] => [x ?? 0, means[index] ?? 0]).toSorted(([a], [b]) => a - b);
}

function kindsOf(statistics: Statistics, model: Model): Record<string, number> {
  const sums = new Map<string, { off: number; n: number }>();
  for (const { place, cell } of placesOf(statistics, "completed")) {
    const [own = 0, pooled = 0] = model.at([place, { line: "", x: place.x }]);
    const sum = sums.get(place.line) ?? { off: 0, n: 0 };
    sums.set(place.line, { off: sum.off + cell.n * (own - pooled), n: sum.n + cell.n });
  }
  return Object.fromEntries([...sums].map(([line, { off, n }]) => [line, round(off / n)]));
}

/** Five digits are more than is known. */
function round(value: number): number {
  return Number(value.toPrecision(5));
}
