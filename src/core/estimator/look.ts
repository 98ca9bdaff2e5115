import type { InFlight } from "./in-flight.ts";
import type { Saved } from "./saved.ts";
import type { Sized, Statistics } from "./statistics.ts";

/** A batch as its store knows it now. Times in seconds since 1970. */
export interface Standing {
  readonly now: number;
  /** Items that are not settled and can run, those in flight included. */
  readonly left: number;
  readonly isPaused: boolean;
  /** Items that can run at once over all processes. */
  readonly workers: number;
  readonly running: readonly Running[];
}

export interface Running extends Sized {
  readonly ordinal: number;
  readonly startedAt: number;
  /** 0 to 1; 0: nothing was reported yet. */
  readonly fraction: number;
}

/** What an estimate is made of. */
export interface Look {
  readonly statistics: Statistics;
  readonly inFlight: readonly InFlight[];
}

/** Processes tell what they saw about once a second: so long the work is taken to go on between two items. */
const TOLD_EVERY = 2;

/**
 * The statistics as they stand at `now`: what was saved, brought up to what the store counts exactly. The counts are right
 * even where the last second of a process that died is missing from the sums.
 */
export function lookAt(saved: Saved, standing: Standing): Look {
  const { now, running, workers, isPaused } = standing;
  const statistics = structuredClone(saved.statistics);
  fitLeft(statistics, standing.left);
  const at = Math.min(now, statistics.clock.at ?? now);
  const inFlight = running.map(({ ordinal, kind, size, fraction, startedAt }): InFlight => {
    const age = Math.max(0, now - startedAt - (saved.halted[ordinal] ?? 0));
    return { id: ordinal, kind, size, age, fraction: fraction > 0 ? fraction : null };
  });
  const isHalted = isPaused && Object.keys(saved.halted).length > 0;
  const first = Math.min(now, ...running.map(({ startedAt }) => startedAt));
  // What runs now may have begun long after the work was last told of: the time in between was nobody's.
  const from = now - at <= TOLD_EVERY && running.length > 0 ? at : Math.max(at, first);
  const { clock } = statistics;
  const active = clock.active + (isHalted ? 0 : now - from);
  // By what is known of itself, not by the clock: what ended and was not told of yet must not pass for a gap.
  const capacity = statistics.settled.busy + saved.idle + inFlight.reduce((sum, { age }) => sum + age, 0);
  statistics.clock = { at: now, active, capacity, workers, isPaused };
  return { statistics, inFlight };
}

/** Scales what is left to the exact count; sizes and kinds that nobody told of are taken to be like those that ended. */
function fitLeft(statistics: Statistics, left: number): void {
  const cells = Object.values(statistics.cells).flatMap((octaves) => Object.values(octaves));
  const isPlanned = cells.some((cell) => cell.left > 0);
  for (const cell of cells) {
    const [count, x] = isPlanned ? [cell.left, cell.leftX] : [cell.n, cell.x];
    cell.left = Math.max(0, count);
    cell.leftX = count > 0 ? x : 0;
  }
  const told = cells.reduce((sum, cell) => sum + cell.left, 0);
  if (told === 0) {
    statistics.cells[""] = { ...statistics.cells[""], none: { ...NOTHING, left } };
  } else {
    for (const cell of cells) {
      cell.left *= left / told;
      cell.leftX *= left / told;
    }
  }
  statistics.left = left;
}

const NOTHING = { n: 0, x: 0, y: 0, yy: 0, seconds: 0, left: 0, leftX: 0 };
