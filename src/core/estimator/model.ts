/**
 * All that can be said of how long items take, from what earlier batches taught, the items that ended and those that run.
 */
import { type Belief, dot, type Features, featuresOf, loosen, observe, usualBelief } from "./belief.ts";
import { CONSTANTS } from "./constants.ts";
import type { History } from "./history.ts";
import { endedShare, fitPace, type InFlight, type Pace, reportedTotal, secondsLeft, type Total } from "./in-flight.ts";
import { add, type Cell, emptyTally, kindIn, type Sums, type Tally } from "./tally.ts";

/** What an estimate is made of. */
export interface Facts {
  readonly tally: Tally;
  /** Every item that runs now, whoever runs it. */
  readonly inFlight: readonly InFlight[];
  /** Seconds of working time so far. */
  readonly active: number;
  /** Items that can run at once now; above 0. */
  readonly workers: number;
  readonly history: History | null;
}

export interface Model {
  /** Kinds with an offset of their own. */
  readonly kinds: readonly string[];
  /** Of items in general, by their features. */
  readonly belief: Belief;
  /** Log variance of a single item around that. */
  readonly noise: number;
  readonly pace: Pace;
  /** Mean seconds over the seconds at the mean of the log. */
  readonly lift: number;
  /** Log of the present level over that of all items together. */
  readonly drift: Total;
}

/** A cell with the features of its mean item. */
export interface Place {
  readonly at: Features;
  readonly cell: Cell;
}

/** The cells in which something was completed (`n`), or in which something is left. */
export function placesOf({ cells }: Tally, of: "n" | "left", kinds: readonly string[]): readonly Place[] {
  return Object.entries(cells).flatMap(([name, cell]) => {
    const size = name.startsWith(" ") ? null : Math.exp((of === "n" ? cell.x : cell.leftX) / cell[of]);
    return cell[of] > 0 ? [{ at: featuresOf(kinds, { kind: kindIn(name), size }), cell }] : [];
  });
}

/** Null while nothing is known of how long an item takes. */
export function fitModel({ tally, inFlight, history }: Facts): Model | null {
  const all = emptyTally();
  if (history !== null) add(all, history.tally);
  add(all, tally);
  const pace = fitPace(all.sums);
  if (all.sums.completed === 0 && inFlight.every((item) => reportedTotal(item, pace) === null)) return null;
  const kinds = [...new Set(Object.keys(all.cells).map(kindIn))];
  const past = history === null ? [] : placesOf(history.tally, "n", kinds);
  const own = placesOf(tally, "n", kinds);
  const noise = noiseOf([...past, ...own]);
  const belief = usualBelief(kinds);
  for (const { at, cell } of past) observe(belief, at, cell.y / cell.n, noise / cell.n);
  if (history !== null) loosen(belief, kinds);
  for (const { at, cell } of own) observe(belief, at, cell.y / cell.n, noise / cell.n);
  for (const item of inFlight) {
    const at = featuresOf(kinds, item);
    const hint = hintOf(item, pace, { mean: dot(belief.mean, at), variance: noise });
    observe(belief, at, hint.mean, hint.variance);
  }
  return { kinds, belief, noise, pace, ...liftAndDrift(tally.sums, own, { belief, noise }) };
}

/** Pooled variance within cells. */
function noiseOf(places: readonly Place[]): number {
  const { noise, usualItems } = CONSTANTS;
  let squares = usualItems * noise;
  let items = usualItems;
  for (const {
    cell: { n, y, yy },
  } of places) {
    squares += Math.max(0, yy - (y * y) / n);
    items += Math.max(0, n - 1);
  }
  return squares / items;
}

/**
 * What an item tells of its like before it ends: by its reports, or by having outlived what was expected. The latter counts
 * by the share of its like that would have ended by now, as if it ended in the middle of what is still possible. Without: .157.
 */
function hintOf(item: InFlight, pace: Pace, expected: Total): Total {
  const reported = reportedTotal(item, pace);
  if (reported !== null) return { mean: reported.mean, variance: expected.variance + reported.variance };
  const mean = Math.log(item.age + secondsLeft(item.age, expected, 0.5));
  const weight = CONSTANTS.outlivedWeight * endedShare(item.age, expected);
  return { mean, variance: expected.variance / Math.max(weight, 1e-9) };
}

/**
 * Lift: work adds up in seconds, not in logarithms. For log-normal noise exp(noise / 2) bridges the two; the completed items
 * correct it, so that what is expected of them in sum is what they took (Duan, Smearing estimate, 1983).
 *
 * Drift: has the level jumped? Each residual counts by its item's start to the third power, sums that need no clock and add up
 * between processes; their mean r looks back over the last quarter, with a variance v = noise × Σw² / (Σw)². By start, because
 * in the order of ends the short items come first. A jump with a chance p beforehand and variance j makes r normal with
 * v + j instead of v, which by Bayes gives its odds now; if it happened, it is r j / (v + j) ± sqrt(v j / (v + j)). On recordings it
 * earns nothing (.155); it is there for a machine that changes its speed.
 */
function liftAndDrift(
  sums: Sums,
  own: readonly Place[],
  { belief, noise }: Pick<Model, "belief" | "noise">,
): Pick<Model, "lift" | "drift"> {
  const { usualItems, jumpChance, jumpVariance } = CONSTANTS;
  let [taken, given, late, off] = [0, 0, 0, 0];
  for (const { at, cell } of own) {
    const mean = dot(belief.mean, at);
    taken += cell.seconds;
    given += cell.n * Math.exp(mean);
    late += cell.late;
    off += cell.lateY - cell.late * mean;
  }
  if (given === 0) return { lift: Math.exp(noise / 2), drift: { mean: 0, variance: 0 } };
  const lift = (sums.completed * (taken / given) + usualItems * Math.exp(noise / 2)) / (sums.completed + usualItems);
  const before = (noise * sums.lateSquares) / late ** 2;
  const after = before + jumpVariance;
  const logOdds = Math.log(jumpChance / (1 - jumpChance)) + Math.log(before / after) / 2;
  const chance = 1 / (1 + Math.exp(-logOdds - ((off / late) ** 2 * (1 / before - 1 / after)) / 2));
  const jump = ((off / late) * jumpVariance) / after;
  const variance = chance * ((before * jumpVariance) / after + (1 - chance) * jump ** 2);
  return { lift, drift: { mean: chance * jump, variance } };
}
