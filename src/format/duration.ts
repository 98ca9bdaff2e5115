import type { WriteNumber } from "./number.ts";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** A measured duration: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. At most two units. */
export function formatDuration(seconds: number, write: WriteNumber = String): string {
  const value = Math.max(0, seconds);
  if (value < 9.95) return `${write(Math.round(value * 10) / 10)} s`;
  const whole = Math.round(value);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return twoUnits(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return twoUnits(Math.round(whole / MINUTE), 60, "h", 1, "min");
  return twoUnits(Math.round(whole / HOUR), 24, "d", 1, "h");
}

function twoUnits(value: number, size: number, big: string, step: number, small: string): string {
  const rest = value % size;
  const head = `${Math.floor(value / size)} ${big}`;
  return rest < step ? head : `${head} ${rest} ${small}`;
}

/**
 * An estimated duration, as coarse as an estimate deserves: `under 10 s`, `20 s`, `4 min`, `1 h 20 min`, `3 h`, `2 d`.
 * Rounded up to its step, so that it does not promise too much.
 */
export function formatCoarse(seconds: number): string {
  if (seconds <= 10) return "under 10 s";
  if (seconds <= 50) return `${Math.ceil(seconds / 10) * 10} s`;
  if (seconds <= 10 * MINUTE) return `${Math.ceil(seconds / MINUTE)} min`;
  if (seconds <= 55 * MINUTE) return `${Math.ceil(seconds / (5 * MINUTE)) * 5} min`;
  if (seconds <= 3 * HOUR) return twoUnits(Math.ceil(seconds / (10 * MINUTE)) * 10, 60, "h", 1, "min");
  if (seconds <= 36 * HOUR) return `${Math.ceil(seconds / HOUR)} h`;
  return `${Math.ceil(seconds / DAY)} d`;
}

/** Remaining time with its range, in seconds. */
export interface EstimateRange {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** Under this share of the work the range comes first: the median alone would pass for more than it is. */
const MEDIAN_PERCENT = 25;

/**
 * Time left in words: `3 to 6 min left` early on, later `about 4 min left`, and where the range says more, `about 4 min left,
 * 3 to 6 min`. Null stays honest: `time left not known yet`. `percent` of the work that is done; null: not known.
 */
export function formatEstimate(estimate: EstimateRange | null, percent: number | null): string {
  return estimate === null ? "time left not known yet" : formatLeft(estimate, percent, "left");
}

/** What is left of a paused batch: `about 4 min left after resume`; empty where that is not known. */
export function formatAfterResume(range: EstimateRange | null): string {
  return range === null ? "" : formatLeft(range, 100, "left after resume");
}

function formatLeft(range: EstimateRange, percent: number | null, left: string): string {
  const median = formatCoarse(range.median);
  const low = formatCoarse(range.low);
  const high = formatCoarse(range.high);
  if (median === "under 10 s") return high === median ? `a few seconds ${left}` : `under ${formatUpper(high)} ${left}`;
  if (low === high) return `about ${median} ${left}`;
  if ((percent ?? 0) < MEDIAN_PERCENT) return `${formatRange(low, high)} ${left}`;
  if (high === median) return `about ${median} ${left}`;
  return `about ${median} ${left}, ${formatRange(low, high)}`;
}

function formatUpper(coarse: string): string {
  return coarse === "under 10 s" ? "10 s" : coarse;
}

function formatRange(low: string, high: string): string {
  if (low === "under 10 s") return `at most ${high}`;
  const [lowValue, lowUnit, ...lowRest] = low.split(" ");
  const [, highUnit, ...highRest] = high.split(" ");
  const isSameUnit = lowUnit === highUnit && lowRest.length === 0 && highRest.length === 0;
  return isSameUnit ? `${lowValue} to ${high}` : `${low} to ${high}`;
}

/** How long ago or ahead a moment is: `just now`, `20 s ago`, `3 min ago`, `in 2 h`. Milliseconds since 1970. */
export function formatRelative(timeMs: number, nowMs: number): string {
  const seconds = (nowMs - timeMs) / 1_000;
  const distance = Math.abs(seconds);
  if (distance < 5) return "just now";
  const text = largestUnit(distance);
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

function largestUnit(seconds: number): string {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h`;
  return `${Math.floor(seconds / DAY)} d`;
}
