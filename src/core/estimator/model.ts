/**
 * All that can be said of how long items take, from what earlier batches taught, the items that ended and those that run.
 */
import { type Belief, dot, type Features, featuresOf, observe, usualBelief } from "./belief.ts";
import { CONSTANTS } from "./constants.ts";
import type { History } from "./history.ts";
import { endedShare, type InFlight, reportedTotal, secondsLeft, type Total } from "./in-flight.ts";
import { cellNamed, cellNameOf, emptyTally, kindIn, type Sized, sumOf, type Tally } from "./tally.ts";

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
  const past = seenIn(before, kinds, 1);
  const own = seenIn(tally, kinds);
  const noise = noiseOf([...past, ...own]);
  const belief = usualBelief(kinds);
  for (const { at, n, y, spread } of past) observe(belief, at, y / n, (noise + spread) / n + CONSTANTS.historyChange);
  for (const { at, n, y, spread } of own) observe(belief, at, y / n, (noise + spread) / n);
  const items = sample.map((item) => ({ item, at: featuresOf(kinds, item) }));
  for (const { item, at } of items) {
    const hint = hintOf(item, { mean: dot(belief.mean, at), variance: noise });
    observe(belief, at, hint.mean, (hint.variance * sample.length) / inFlight.length);
  }
  const drift = driftOf(tally.sums.lateSquares * noise, own, belief);
  const beside = Map.groupBy(inFlight, (item) => cellNamed(tally, cellNameOf(item)));
  const waiting = Object.entries(tally.cells).flatMap(([name, cell]) => {
    if (cell.left <= 0) return [];
    const at = featuresOf(kinds, meanOf(name, { n: cell.left, x: cell.leftX }));
    const count = Math.max(0, cell.left - (beside.get(cell)?.length ?? 0));
    return [{ at, count, seconds: Math.exp(dot(belief.mean, at) + noise / 2) }];
  });
  const running = items.map(({ item, at }) => {
    const expected = { mean: dot(belief.mean, at) + drift.mean, variance: noise };
    return { item, at, count: 1, seconds: Math.exp(expected.mean), ...totalOf(item, expected) };
  });
  return { belief, noise, drift, waiting, running };
}

/**
 * What was completed, with the features of the mean item, by cell and by whether it started cold: while programs and files come
 * from disk the first items of a process can take thirty times as long as the others. How much longer is one more weight of the
 * belief: what is usual at first, then what this batch and earlier ones show. Without: .162, later .132.
 */
function seenIn({ cells }: Tally, kinds: readonly string[], past = 0) {
  return Object.entries(cells).flatMap(([name, { n, x, y, yy, n1, x1, y1, yy1, late, lateY }]) => {
    const warm = { n: n - n1, x: x - x1, y: y - y1, yy: yy - yy1, late, lateY, cold: 0, spread: 0 };
    const first = { n: n1, x: x1, y: y1, yy: yy1, late: 0, lateY: 0, cold: 1, spread: CONSTANTS.coldVariance };
    return [warm, first].flatMap((seen) =>
      seen.n > 1e-9 ? [{ ...seen, at: featuresOf(kinds, meanOf(name, seen), seen.cold, past) }] : [],
    );
  });
}
type Seen = ReturnType<typeof seenIn>;

/** The mean item of a cell. */
function meanOf(name: string, { n, x }: { readonly n: number; readonly x: number }): Sized {
  return { kind: kindIn(name), size: name.startsWith(" ") ? null : Math.exp(x / n) };
}

/** Pooled variance within cells. */
function noiseOf(seen: Seen): number {
  const { noise, usualItems } = CONSTANTS;
  const squares = sumOf(seen, ({ n, y, yy }) => Math.max(0, yy - (y * y) / n));
  const items = sumOf(seen, ({ n }) => Math.max(0, n - 1));
  return (squares + usualItems * noise) / (items + usualItems);
}

/**
 * What an item tells of its like before it ends: by its reports, or by having outlived what was expected. The latter counts
 * by the share of its like that would have ended by now, as if it ended in the middle of what is still possible. Without: .159.
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
 * .155, but made-up batches whose speed jumps have .309 instead of .273.
 */
function driftOf(noise: number, own: Seen, { mean }: Belief): Total {
  const { jumpChance, jumpVariance } = CONSTANTS;
  const late = sumOf(own, (seen) => seen.late);
  if (late === 0) return { mean: 0, variance: 0 };
  const off = sumOf(own, (seen) => seen.lateY - seen.late * dot(mean, seen.at)) / late;
  const before = noise / late ** 2;
  const after = before + jumpVariance;
  const logOdds = Math.log(jumpChance / (1 - jumpChance)) + Math.log(before / after) / 2;
  const chance = 1 / (1 + Math.exp(-logOdds - (off ** 2 * (1 / before - 1 / after)) / 2));
  const jump = (off * jumpVariance) / after;
  return { mean: chance * jump, variance: chance * ((before * jumpVariance) / after + (1 - chance) * jump ** 2) };
}
