import { emptyForecasts, type Forecasts, missedShare, note } from "./forecasts.ts";
import { type History, learn } from "./history.ts";
import { merge } from "./merge.ts";
import { emptyStatistics, type Statistics } from "./statistics.ts";
import type { Shown } from "./steady.ts";

/**
 * What a store keeps of a batch for its estimate: plain JSON, under 16 KB however large the batch. Several processes add to it,
 * each what it saw itself.
 */
export interface Saved {
  readonly version: 1;
  statistics: Statistics;
  forecasts: Forecasts;
  shown: Shown | null;
  /** Seconds × workers in which work was left and a worker had none of it: gaps between items. */
  idle: number;
  /** Seconds for which items that run now have waited in a pause, by ordinal. */
  halted: Record<string, number>;
  /** The epoch whose end was added to the history last; 0: none yet. */
  foldedEpoch: number;
}

/** What one process saw of a batch since it last told. Seconds. */
export interface Part {
  /** Sums alone; its clock is not looked at. */
  readonly statistics: Statistics;
  /** When it had items of the batch running, in seconds since 1970; null if it had none. */
  readonly worked: { readonly from: number; readonly to: number } | null;
  /** Seconds × workers in which it had work left and free workers. */
  readonly idle: number;
  readonly halted: Readonly<Record<string, number>>;
}

/** A forecast that was made, to be judged when the batch has ended. */
export interface Forecast {
  readonly shown: Shown | null;
  /** Working time at which it was made, and the range; null where there was no estimate. */
  readonly noted: { readonly active: number; readonly low: number; readonly high: number } | null;
}

const HALTED_MAX = 64;

export function readSaved(text: string | null): Saved {
  const parsed = text === null ? null : (JSON.parse(text) as Saved);
  return parsed?.version === 1 ? parsed : emptySaved(0);
}

export function readHistory(text: string | null): History | null {
  const parsed = text === null ? null : (JSON.parse(text) as History);
  return parsed?.version === 1 ? parsed : null;
}

function emptySaved(foldedEpoch: number): Saved {
  const parts = { statistics: emptyStatistics(), forecasts: emptyForecasts(), shown: null, idle: 0, halted: {} };
  return { version: 1, ...parts, foldedEpoch };
}

/**
 * Adds what one process saw. The clock counts the time in which any process worked, once: spans that overlap what is counted
 * already add only what is beyond it.
 */
export function addPart(saved: Saved, part: Part): void {
  merge(saved.statistics, part.statistics);
  const { clock } = saved.statistics;
  saved.idle += part.idle;
  clock.capacity = saved.statistics.settled.busy + saved.idle;
  if (part.worked !== null) {
    const { from, to } = part.worked;
    clock.active += Math.max(0, to - Math.max(from, clock.at ?? from));
    clock.at = Math.max(to, clock.at ?? to);
  }
  const halted = Object.entries({ ...saved.halted, ...part.halted }).filter(([, seconds]) => seconds > 0);
  saved.halted = Object.fromEntries(halted.slice(-HALTED_MAX));
}

export function noteForecast(saved: Saved, forecast: Forecast): void {
  saved.shown = forecast.shown;
  if (forecast.noted !== null) note(saved.forecasts, forecast.noted);
}

/** The history after the batch's epoch has ended; the batch begins anew, so that nothing is learned twice. */
export function fold(
  saved: Saved,
  history: History | null,
  epoch: number,
): { readonly saved: Saved; readonly history: History | null } {
  const missed = missedShare(saved.forecasts, saved.statistics.clock.active);
  return { saved: emptySaved(epoch), history: learn(history, { statistics: saved.statistics, missed }) };
}
