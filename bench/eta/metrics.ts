import type { Method, Prediction } from "./predictor.ts";
import { activeAt, momentOf, pausesOf, type Trace } from "./trace.ts";

/** Shares of a batch's true time at which its error is measured. */
export const FRACTIONS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9] as const;
const LOOKS = 200;

/** How one method did on one trace; all but counts are shares of the true total time. */
export interface Score {
  readonly trace: string;
  readonly group: string;
  /** |predicted − true remaining|, at most 1, at each of FRACTIONS; no answer counts as predicting 0. */
  readonly errors: readonly number[];
  /** Of the answers at FRACTIONS that had a range: whether it held the truth, and its width. */
  readonly covered: readonly boolean[];
  readonly widths: readonly number[];
  /** Sum of the changes of the predicted finish, each at most 1. */
  readonly jump: number;
  /** Turns of the predicted finish by more than 1 %. */
  readonly reversals: number;
  /** From this share on the predicted finish stays within 15 % of the truth. */
  readonly usefulFrom: number;
  /** Answers that must never be given: not a number, negative, or 0 while work was left. */
  readonly broken: number;
}

/** One look: shares of the true total. */
export interface Look {
  readonly at: number;
  readonly remaining: number;
  readonly prediction: Prediction | null;
}

/** Plays `trace` through `method` and asks it at FRACTIONS and at 200 even looks. */
export function play(trace: Trace, method: Method): { readonly fractions: Look[]; readonly looks: Look[] } {
  const pauses = pausesOf(trace);
  const total = activeAt(pauses, trace.events.at(-1)?.at ?? 0);
  const moments = [
    ...FRACTIONS.map((share) => ({ share, isFraction: true })),
    ...Array.from({ length: LOOKS }, (_, look) => ({ share: (look + 0.5) / LOOKS, isFraction: false })),
  ].toSorted((a, b) => a.share - b.share);
  const predictor = method.start(trace);
  const fractions: Look[] = [];
  const looks: Look[] = [];
  let next = 0;
  for (const { share, isFraction } of moments) {
    const at = momentOf(pauses, share * total);
    for (let event = trace.events[next]; event !== undefined && event.at <= at; event = trace.events[next]) {
      predictor.on(event);
      next += 1;
    }
    const raw = predictor.predict(at);
    const prediction =
      raw === null
        ? null
        : {
            median: raw.median / total,
            ...(raw.low === undefined || raw.high === undefined
              ? {}
              : { low: raw.low / total, high: raw.high / total }),
          };
    (isFraction ? fractions : looks).push({ at: share, remaining: 1 - share, prediction });
  }
  return { fractions, looks };
}

export function score(trace: Trace, method: Method): Score {
  const { fractions, looks } = play(trace, method);
  const ranged = fractions.flatMap(({ prediction, remaining }) =>
    prediction?.low === undefined || prediction.high === undefined
      ? []
      : [{ low: prediction.low, high: prediction.high, remaining }],
  );
  return {
    trace: trace.name,
    group: trace.group,
    errors: fractions.map(({ prediction, remaining }) => Math.min(1, Math.abs((prediction?.median ?? 0) - remaining))),
    covered: ranged.map(({ low, high, remaining }) => low <= remaining && remaining <= high),
    widths: ranged.map(({ low, high }) => high - low),
    ...stabilityOf(looks),
    broken: [...fractions, ...looks].filter(({ prediction }) => prediction !== null && !isSane(prediction)).length,
  };
}

function isSane({ median, low = median, high = median }: Prediction): boolean {
  return [low, median, high].every((value) => Number.isFinite(value) && value > 0) && low <= median && median <= high;
}

function stabilityOf(looks: readonly Look[]): Pick<Score, "jump" | "reversals" | "usefulFrom"> {
  let jump = 0;
  let reversals = 0;
  let usefulFrom = 0;
  let previous: number | null = null;
  // Follows the finish from one turn to the next; what moves back by 1 % or less is no turn.
  let extreme = 0;
  let direction = 0;
  for (const { at, remaining, prediction } of looks) {
    if (prediction === null || Math.abs(prediction.median - remaining) > 0.15) usefulFrom = at;
    if (prediction === null) continue;
    const finish = at + prediction.median;
    if (previous === null) extreme = finish;
    else jump += Math.min(1, Math.abs(finish - previous));
    previous = finish;
    if (direction !== 0 && direction * (finish - extreme) < -0.01) {
      reversals += 1;
      direction = -direction;
      extreme = finish;
    } else if (direction === 0 && Math.abs(finish - extreme) > 0.01) {
      direction = Math.sign(finish - extreme);
      extreme = finish;
    } else if (direction * (finish - extreme) > 0) extreme = finish;
  }
  return { jump, reversals, usefulFrom };
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/** Mean within each group, then over the groups: many traces of one sort of work must not outweigh the others. */
export function overGroups(scores: readonly Score[], measureOf: (score: Score) => number): number {
  const groups = Map.groupBy(scores, ({ group }) => group);
  return meanOf([...groups.values()].map((members) => meanOf(members.map(measureOf))));
}
