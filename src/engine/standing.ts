import type { InFlight } from "../core/estimator/in-flight.ts";
import { NO_ITEMS, type Tally } from "../core/estimator/tally.ts";
import type { Saved } from "./learned.ts";

/** A batch as its store knows it now. Times in seconds since 1970. */
export interface Standing {
  readonly now: number;
  /** Items that are not settled and can run, those in flight included. */
  readonly left: number;
  readonly isPaused: boolean;
  readonly running: readonly (Omit<InFlight, "age"> & { readonly startedAt: number })[];
}

/** Processes tell what they saw about once a second: so long the work is taken to go on between two items. */
const TOLD_EVERY = 2;

/** Seconds that a running item has worked. */
export function ageOf(saved: Saved, item: { readonly id: number; readonly startedAt: number }, now: number): number {
  return Math.max(0, now - item.startedAt - (saved.halted[item.id] ?? 0));
}

/**
 * What was saved, brought up to what the store counts exactly: the counts are right even where the last second of a process that
 * died is missing from the sums.
 */
export function broughtUpTo(
  saved: Saved,
  { now, left, isPaused, running }: Standing,
): { readonly tally: Tally; readonly inFlight: readonly InFlight[]; readonly active: number } {
  const at = Math.min(now, saved.at ?? now);
  const isHalted = isPaused && Object.keys(saved.halted).length > 0;
  const first = Math.min(now, ...running.map(({ startedAt }) => startedAt));
  // What runs now may have begun long after the work was last told of: the time in between was nobody's.
  const from = now - at <= TOLD_EVERY && running.length > 0 ? at : Math.max(at, first);
  const inFlight = running.map((item) => ({ ...item, age: ageOf(saved, item, now) }));
  return { tally: scaledTo(saved.tally, left), inFlight, active: saved.active + (isHalted ? 0 : now - from) };
}

/** Scales what is left to the exact count; sizes and kinds that nobody told of are taken to be like those that ended. */
function scaledTo({ cells, sums }: Tally, left: number): Tally {
  const entries = Object.entries(cells);
  const isPlanned = entries.some(([, cell]) => cell.left > 0);
  const told = entries.map(([name, cell]) => {
    const [count, x] = isPlanned ? [cell.left, cell.leftX] : [cell.n, cell.x];
    return [name, { ...cell, left: Math.max(0, count), leftX: count > 0 ? x : 0 }] as const;
  });
  const all = told.reduce((sum, [, cell]) => sum + cell.left, 0);
  const by = left / all;
  const scaled = told.map(([name, cell]) => [name, { ...cell, left: by * cell.left, leftX: by * cell.leftX }] as const);
  return { cells: all > 0 ? Object.fromEntries(scaled) : { " ": { ...NO_ITEMS, left } }, sums };
}
