import { formatDuration, formatRelative } from "../../../src/format/duration.ts";
import { formatBytes, formatRate } from "../../../src/format/number.ts";

/** What stands for a value that is not known. */
export const UNKNOWN = "–";

const COUNT = new Intl.NumberFormat();
const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const DAY_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function showCount(count: number): string {
  return COUNT.format(count);
}

/** Of a whole number from 0 to 100. */
export function showPercent(percent: number | null): string {
  return percent === null ? UNKNOWN : PERCENT.format(Math.floor(percent) / 100);
}

/** `1 item`, `1,200 items`, the number in the user's format. */
export function showItems(count: number, of = ""): string {
  return `${showCount(count)} ${of === "" ? "" : `${of} `}${count === 1 ? "item" : "items"}`;
}

/** `3 running items finish`, `1 running item finishes`: the verb that goes with a number. */
export function verbFor(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}

export function showRate(perSecond: number | null): string {
  return perSecond === null ? UNKNOWN : formatRate(perSecond, NUMBER.format);
}

export function showBytes(bytes: number): string {
  return formatBytes(bytes, NUMBER.format);
}

export function showSeconds(seconds: number): string {
  return formatDuration(seconds, NUMBER.format);
}

/** How long something took: nothing takes no time at all. */
export function showDuration(seconds: number): string {
  return seconds < 0.05 ? `< ${showSeconds(0.1)}` : showSeconds(seconds);
}

export function showAge(time: string, nowMs: number): string {
  return formatRelative(Date.parse(time), nowMs);
}

/** A time to the second in the user's zone. */
export function showExactTime(time: string): string {
  return EXACT.format(new Date(time));
}

export function showTime(time: string): string {
  return DAY_AND_TIME.format(new Date(time));
}
