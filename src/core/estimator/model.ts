/**
 * log seconds = level + slope × log size + bend(log size) + offset of the kind + noise
 *
 * One Gaussian process over the cells (kind × octave of size): each term is a kernel, and their sum says how alike the log
 * seconds of two places are expected to be. Conditioning on the cells with completed items gives the mean and the covariance
 * everywhere, also where nothing has run yet (Rasmussen and Williams, Gaussian Processes, 2006, equations 2.25 and 2.26).
 * Little evidence leaves the usual slope in charge (costs grow with the root of bytes rather than with bytes), much evidence
 * bends it, and beyond the sizes seen so far the usual slope returns.
 */
import { CONSTANTS } from "./constants.ts";
import { solveSymmetric } from "./linear.ts";
import { type Cell, lineOf, logSizeOf, type Sized, type Statistics } from "./statistics.ts";

/** Where an item stands in the model. */
export interface Place {
  readonly line: string;
  /** Log size; null for items without one. */
  readonly x: number | null;
}

/** An item in flight as evidence: what it would take by its own reports, and the log variance of that. */
export interface Partial {
  readonly place: Place;
  readonly seconds: number;
  readonly variance: number;
}

/** What a history lets the model expect. */
export interface ModelPrior {
  meanAt(place: Place): number;
  readonly levelVariance: number;
  readonly slopeVariance: number;
  readonly bendVariance: number;
  readonly kindVariance: number;
  readonly noise: number;
  readonly noiseItems: number;
}

export interface Model {
  /** Log variance of an item's seconds around its place. */
  readonly noise: number;
  /** Mean seconds of an item over the seconds at the mean of the log. */
  readonly lift: number;
  /** Expected log seconds at each place. */
  at(places: readonly Place[]): readonly number[];
  /** Variance of the log of a sum of which each place makes up a share. */
  varianceOf(places: readonly Place[], shares: readonly number[]): number;
}

/** A mean of log seconds seen at a place. */
interface Look {
  readonly place: Place;
  readonly y: number;
  readonly variance: number;
}

export function placeOf(statistics: Statistics, item: Sized): Place {
  const isSized = item.size !== null && item.size > 0;
  return { line: lineOf(statistics, item), x: isSized ? logSizeOf(item.size) : null };
}

/** A cell with its place. */
export interface CellPlace {
  readonly place: Place;
  readonly octave: string;
  readonly cell: Cell;
}

/** The cells with their places: where the completed items stand, or those left. */
export function placesOf(statistics: Statistics, of: "completed" | "left"): CellPlace[] {
  return Object.entries(statistics.cells).flatMap(([kind, octaves]) =>
    Object.entries(octaves).flatMap(([octave, cell]): CellPlace[] => {
      const count = of === "completed" ? cell.n : cell.left;
      if (count <= 0) return [];
      if (octave === "none") return [{ place: { line: `${kind}?`, x: null }, octave, cell }];
      return [{ place: { line: kind, x: (of === "completed" ? cell.x : cell.leftX) / count }, octave, cell }];
    }),
  );
}

/** Null while nothing is known of how long an item takes. */
export function fitModel(statistics: Statistics, partials: readonly Partial[], prior: ModelPrior | null): Model | null {
  const completed = placesOf(statistics, "completed");
  const noise = noiseOf(statistics, prior);
  const looks: Look[] = completed.map(({ place, cell }) => ({
    place,
    y: cell.y / cell.n,
    variance: noise / cell.n,
  }));
  for (const { place, seconds, variance } of partials) {
    looks.push({ place, y: Math.log(seconds), variance: noise + variance });
  }
  if (looks.length === 0 && prior === null) return null;
  const center = centerOf(statistics);
  const { levelVariance, slopeVariance, bendVariance, kindVariance } = prior ?? CONSTANTS;
  const kernel = { center, levelVariance, slopeVariance, bendVariance, kindVariance };
  // Without a history a nearly flat prior needs some mean: the first look, which costs no precision.
  const base = looks[0]?.y ?? 0;
  const meanAt = (place: Place): number =>
    prior?.meanAt(place) ?? base + CONSTANTS.slope * (place.x === null ? 0 : place.x - center);
  const places = looks.map(({ place }) => place);
  const gram = looks.map((look, i) => {
    const row = likeness(look.place, places, kernel);
    row[i] = (row[i] ?? 0) + look.variance;
    return row;
  });
  const solve = solveSymmetric(gram);
  const weights = solve(looks.map(({ place, y }) => y - meanAt(place)));
  const at = (wanted: readonly Place[]): number[] =>
    wanted.map((place) => meanAt(place) + dot(likeness(place, places, kernel), weights));
  const varianceOf = (wanted: readonly Place[], shares: readonly number[]): number => {
    const before = wanted.map((place) => dot(likeness(place, wanted, kernel), shares));
    const cross = places.map((place) => dot(likeness(place, wanted, kernel), shares));
    // Rounding may take away a little more than there was.
    return Math.max(1e-6, dot(before, shares) - dot(solve(cross), cross));
  };
  return { noise, lift: liftOf({ completed, means: at(completed.map(({ place }) => place)), noise }), at, varianceOf };
}

/** Variances of the terms, and the log size that the slope turns around. */
interface Kernel extends Pick<ModelPrior, "levelVariance" | "slopeVariance" | "bendVariance" | "kindVariance"> {
  readonly center: number;
}

/** How alike the log seconds of a place and of each of the others are. */
function likeness(place: Place, others: readonly Place[], kernel: Kernel): Float64Array {
  const row = new Float64Array(others.length);
  const { levelVariance, slopeVariance, bendVariance, kindVariance, center } = kernel;
  const { line, x } = place;
  const tilt = x === null ? 0 : slopeVariance * (x - center);
  const narrowness = -1 / (2 * CONSTANTS.bendLength ** 2);
  let i = 0;
  for (const other of others) {
    let alike = levelVariance;
    if (line === other.line) alike += kindVariance;
    if (x !== null && other.x !== null) {
      const apart = x - other.x;
      alike += tilt * (other.x - center) + bendVariance * Math.exp(narrowness * apart * apart);
    } else if (x === null && other.x === null) alike += bendVariance;
    row[i] = alike;
    i += 1;
  }
  return row;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

/** Mean log size of all items. */
function centerOf(statistics: Statistics): number {
  let x = 0;
  let n = 0;
  for (const octaves of Object.values(statistics.cells)) {
    for (const [octave, cell] of Object.entries(octaves)) {
      if (octave === "none") continue;
      x += cell.x + cell.leftX;
      n += cell.n + cell.left;
    }
  }
  return n > 0 ? x / n : 0;
}

/** Pooled variance within cells. */
function noiseOf(statistics: Statistics, prior: ModelPrior | null): number {
  const { noise, noiseItems } = prior ?? CONSTANTS;
  let squares = noiseItems * noise;
  let n = noiseItems;
  for (const { cell } of placesOf(statistics, "completed")) {
    squares += Math.max(0, cell.yy - (cell.y * cell.y) / cell.n);
    n += cell.n - 1;
  }
  return squares / n;
}

/**
 * Work adds up in seconds, not in logarithms. For log-normal noise exp(noise / 2) bridges the two; the completed items correct
 * it, so that what the model gives for them in sum is what they took (Duan, Smearing estimate, 1983).
 */
function liftOf(fit: {
  readonly completed: readonly { readonly cell: Cell }[];
  readonly means: readonly number[];
  readonly noise: number;
}): number {
  const usual = Math.exp(fit.noise / 2);
  let taken = 0;
  let given = 0;
  let n = 0;
  for (const [i, { cell }] of fit.completed.entries()) {
    taken += cell.seconds;
    given += cell.n * Math.exp(fit.means[i] ?? 0);
    n += cell.n;
  }
  if (n === 0) return usual;
  const pseudo = (CONSTANTS.liftItems * given) / n;
  return (taken + pseudo * usual) / (given + pseudo);
}
