/**
 * All that can be said of how long items take, from what earlier batches taught, the items that ended and those that run.
 */
import { type Belief, dot, type Features, featuresOf, observe, usualBelief } from "./belief.ts";
import { CONSTANTS } from "./constants.ts";
import type { History } from "./history.ts";
import { endedShare, type InFlight, reportedTotal, secondsLeft, type Total } from "./in-flight.ts";
import { cellNamed, cellNameOf, emptyTally, kindIn, sumOf, type Tally, withoutFirst } from "./tally.ts";

/** What an estimate is made of. */
export interface Facts {
  readonly tally: Tally;
  /** Every item that runs now, whoever runs it. */
  readonly inFlight: readonly InFlight[];
  /** Items that can run at once now; above 0. */
  readonly workers: number;
  readonly history: History | null;
}

export interface Model {
  /** Of items in general, by their features. */
  readonly belief: Belief;
  /** Log variance of a single item around that. */
  readonly noise: number;
  /** Log of the present level over that of all items together. */
  readonly drift: Total;
  readonly waiting: readonly Group[];
  readonly running: readonly Running[];
}

/** Items that are alike, and the seconds that one takes in the mean. */
export interface Group {
  readonly at: Features;
  readonly count: number;
  readonly seconds: number;
}

/** `trust`: how much of what is expected of its like, and of a change of the level, reaches the item. */
export type Running = Group & Total & { readonly item: InFlight; readonly trust: number };

/** More workers than this are computed as so many, each standing for several: bounds the cost. */
export const LANES_MAX = 16;

/** So many of all, evenly; all where there are not more. */
export function sampleOf<T>(all: readonly T[], most: number): readonly T[] {
  return all.filter((_, index) => index % Math.max(1, all.length / most) < 1);
}

/** Null while nothing is known of how long an item takes. */
export function fitModel({ tally, inFlight, history }: Facts): Model | null {
  const before = history?.tally ?? emptyTally();
  const sample = sampleOf(inFlight, LANES_MAX);
  if (before.sums.completed + tally.sums.completed === 0 && sample.every((item) => !reportedTotal(item))) return null;
  const kinds = [...new Set([before, tally].flatMap(({ cells }) => Object.keys(cells).map(kindIn)))];
  const past = placesOf(before, "n", kinds, 1);
  const own = placesOf(withoutFirst(tally), "n", kinds);
  const noise = noiseOf([...past, ...own]);
  const belief = usualBelief(kinds);
  for (const { at, cell } of past) observe(belief, at, cell.y / cell.n, noise / cell.n + CONSTANTS.historyChange);
  for (const { at, cell } of own) observe(belief, at, cell.y / cell.n, noise / cell.n);
  const items = sample.map((item) => ({ item, at: featuresOf(kinds, item) }));
  for (const { item, at } of items) {
    const hint = hintOf(item, { mean: dot(belief.mean, at), variance: noise });
    observe(belief, at, hint.mean, (hint.variance * sample.length) / inFlight.length);
  }
  const drift = driftOf(tally.sums.lateSquares * noise, own, belief);
  const beside = Map.groupBy(inFlight, (item) => cellNamed(tally, cellNameOf(item)));
  const waiting = placesOf(tally, "left", kinds).map(({ at, cell }) => {
    const count = Math.max(0, cell.left - (beside.get(cell)?.length ?? 0));
    return { at, count, seconds: Math.exp(dot(belief.mean, at) + noise / 2) };
  });
  const running = items.map(({ item, at }) => {
    const expected = { mean: dot(belief.mean, at) + drift.mean, variance: noise };
    return { item, at, count: 1, seconds: Math.exp(expected.mean), ...totalOf(item, expected) };
  });
  return { belief, noise, drift, waiting, running };
}

/** The cells in which something was completed (`n`) or is left, with the features of their mean items. */
function placesOf({ cells }: Tally, of: "n" | "left", kinds: readonly string[], past = 0) {
  return Object.entries(cells).flatMap(([name, cell]) => {
    const size = name.startsWith(" ") ? null : Math.exp((of === "n" ? cell.x : cell.leftX) / cell[of]);
    return cell[of] > 0 ? [{ at: featuresOf(kinds, { kind: kindIn(name), size }, past), cell }] : [];
  });
}
type Places = ReturnType<typeof placesOf>;

/** Pooled variance within cells. */
function noiseOf(places: Places): number {
  const { noise, usualItems } = CONSTANTS;
  const squares = sumOf(places, ({ cell: { n, y, yy } }) => Math.max(0, yy - (y * y) / n));
  const items = sumOf(places, ({ cell }) => Math.max(0, cell.n - 1));
  return (squares + usualItems * noise) / (items + usualItems);
}

/**
 * What an item tells of its like before it ends: by its reports, or by having outlived what was expected. The latter counts
 * by the share of its like that would have ended by now, as if it ended in the middle of what is still possible. Without: .155.
 */
function hintOf(item: InFlight, expected: Total): Total {
  const reported = reportedTotal(item);
  if (reported !== null) return { mean: reported.mean, variance: expected.variance + reported.variance };
  const weight = Math.max(1e-9, CONSTANTS.outlivedWeight * endedShare(item.age, expected));
  return { mean: Math.log(item.age + secondsLeft(item.age, expected, 0.5)), variance: expected.variance / weight };
}

/** How long a running item will take: what its reports say and what is expected of its like, weighed by their precision. */
function totalOf(item: InFlight, expected: Total): Total & Pick<Running, "trust"> {
  const reported = reportedTotal(item);
  if (reported === null) return { ...expected, trust: 1 };
  const trust = reported.variance / (expected.variance + reported.variance);
  const mean = trust * Math.max(expected.mean, Math.log(item.age)) + (1 - trust) * reported.mean;
  return { mean, variance: trust * expected.variance, trust };
}

/**
 * Has the level jumped? Each residual counts by its item's start to the third power, sums that need no clock and add up
 * between processes; their mean r looks back over the last quarter, with a variance v = noise × Σw² / (Σw)². By start, because
 * in the order of ends the short items come first. A jump with a chance p beforehand and variance j makes r normal with
 * v + j instead of v, which by Bayes gives its odds now; if it happened, it is r j / (v + j) ± sqrt(v j / (v + j)). Without:
 * .152, but made-up batches whose speed jumps have .326 instead of .291.
 */
function driftOf(noise: number, own: Places, { mean }: Belief): Total {
  const { jumpChance, jumpVariance } = CONSTANTS;
  const late = sumOf(own, ({ cell }) => cell.late);
  if (late === 0) return { mean: 0, variance: 0 };
  const off = sumOf(own, ({ at, cell }) => cell.lateY - cell.late * dot(mean, at)) / late;
  const before = noise / late ** 2;
  const after = before + jumpVariance;
  const logOdds = Math.log(jumpChance / (1 - jumpChance)) + Math.log(before / after) / 2;
  const chance = 1 / (1 + Math.exp(-logOdds - (off ** 2 * (1 / before - 1 / after)) / 2));
  const jump = (off * jumpVariance) / after;
  return { mean: chance * jump, variance: chance * ((before * jumpVariance) / after + (1 - chance) * jump ** 2) };
}
