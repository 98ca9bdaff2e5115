/**
 * Whether the work has become slower or faster, and what of it will last.
 *
 * The mean residual of each span of start times is one noisy look at the level (by start, because in the order of ends the
 * short items come first). Before each span the level may have jumped with a chance `hazard`; the posterior over "when was the last
 * jump" is exact (Adams and MacKay, Bayesian online changepoint detection, 2007, with Gaussian looks of known variance).
 * The hazard itself is one of a few, weighed by how well it explains the looks: a machine that got slower shows as one
 * jump and is expected to last; content that varies from folder to folder shows as many, and is expected to revert.
 */
import { CONSTANTS } from "./constants.ts";
import type { Model, Place } from "./model.ts";
import type { Spans } from "./statistics.ts";

const HAZARDS = [0.005, 0.02, 0.08, 0.3, 0.7];

export interface Drift {
  /** Expected log of the coming level over the level of all items together. */
  readonly shift: number;
  readonly variance: number;
}

interface Look {
  readonly mean: number;
  readonly variance: number;
}

/** `ahead`: seconds of working time for which the level is wanted. */
export function fitDrift(spans: Spans, model: Model, ahead: number): Drift {
  const looks = looksOf(spans, model);
  if (looks.length < 2) return { shift: 0, variance: 0 };
  const count = Math.max(1, ahead / spans.width);
  const fits = HAZARDS.map((hazard) => {
    const { evidence, mean, square } = follow(looks, hazard);
    const stay = 1 - hazard;
    // Mean share of the coming spans that the present level still reaches.
    const reach = (stay * (1 - stay ** count)) / (hazard * count);
    return { evidence, shift: reach * mean, square: reach * reach * square };
  });
  const best = Math.max(...fits.map(({ evidence }) => evidence));
  let total = 0;
  let shift = 0;
  let square = 0;
  for (const fit of fits) {
    const weight = Math.exp(fit.evidence - best);
    total += weight;
    shift += weight * fit.shift;
    square += weight * fit.square;
  }
  shift /= total;
  return { shift, variance: Math.max(0, square / total - shift * shift) };
}

/** The level after the last look: mean and mean square; and the log evidence for the hazard. */
function follow(looks: readonly Look[], hazard: number): { evidence: number; mean: number; square: number } {
  // Runs without a jump, by where they began.
  let runs: { weight: number; precision: number; mean: number }[] = [];
  let evidence = 0;
  for (const look of looks) {
    const born = { weight: runs.length === 0 ? 1 : hazard, precision: 1 / CONSTANTS.jumpVariance, mean: 0 };
    runs = [...runs.map((run) => ({ ...run, weight: run.weight * (1 - hazard) })), born];
    let total = 0;
    for (const run of runs) {
      const spread = 1 / run.precision + look.variance;
      run.weight *= Math.exp(-((look.mean - run.mean) ** 2) / (2 * spread)) / Math.sqrt(spread);
      total += run.weight;
      const precision = run.precision + 1 / look.variance;
      run.mean = (run.precision * run.mean + look.mean / look.variance) / precision;
      run.precision = precision;
    }
    evidence += Math.log(Math.max(total, Number.MIN_VALUE));
    // A look that no run explains leaves the newest as good as any.
    if (total > 0) for (const run of runs) run.weight /= total;
    else for (const run of runs) run.weight = run === born ? 1 : 0;
  }
  let mean = 0;
  let square = 0;
  for (const run of runs) {
    mean += run.weight * run.mean;
    square += run.weight * (run.mean * run.mean + 1 / run.precision);
  }
  return { evidence, mean, square };
}

/** Mean log residual of each span, in the order of time. */
function looksOf(spans: Spans, model: Model): Look[] {
  const sums = Object.entries(spans.sums)
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, lines]) => Object.entries(lines));
  const places = sums.flat().map(([line, { n, x }]): Place => ({ line, x: line.endsWith("?") ? null : x / n }));
  const expected = model.at(places);
  let next = 0;
  return sums.map((lines) => {
    let residual = 0;
    let count = 0;
    for (const [, { n, y }] of lines) {
      residual += y - n * (expected[next] ?? 0);
      count += n;
      next += 1;
    }
    return { mean: residual / count, variance: model.noise / count };
  });
}
