import { InvalidArgumentError } from "commander";
import { type Priority, toPriority } from "../core/priority.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** A reader of whole numbers from `min` to `max`, for an option or an argument. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Milliseconds from `500ms`, `30s`, `10m`, `2h`, `7d`, `1w`. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim());
  const unit = UNIT_MS[match?.[2] ?? ""];
  if (match === null || unit === undefined) {
    throw new InvalidArgumentError("It must be a number with a unit: 500ms, 30s, 10m, 2h, 7d or 1w.");
  }
  return Math.round(Number(match[1]) * unit);
}

const UNIT_BYTES: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Bytes from `512M`, `2G`: powers of 1,024. */
export function byteCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg])(?:i?b)?$/i.exec(text.trim());
  const unit = UNIT_BYTES[match?.[2]?.toLowerCase() ?? ""];
  if (match === null || unit === undefined) throw new InvalidArgumentError("It must be a size: 512M or 2G.");
  return Math.round(Number(match[1]) * unit);
}

/** A time: ISO 8601 (`2030-01-31T08:00`, local unless it names a zone), or `+10m` from `now` on. */
export function moment(now: () => number): (text: string) => Date {
  return (text) => {
    if (text.startsWith("+")) return new Date(now() + durationMs(text.slice(1)));
    const date = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : new Date(Number.NaN);
    if (Number.isNaN(date.getTime())) {
      throw new InvalidArgumentError("It must be a time such as 2030-01-31T08:00, or +10m for ten minutes from now.");
    }
    return date;
  };
}

/** `urgent`, `high`, `normal`, `low` or a whole number; lower runs sooner. For an option. */
export function priorityValue(text: string): number {
  try {
    return readPriority(text);
  } catch {
    throw new InvalidArgumentError("It must be urgent, high, normal, low or a whole number (lower runs sooner).");
  }
}

/** The same for a word that is not an option. @throws {MilepostError} `INVALID_ARGUMENT` */
export function readPriority(text: string): number {
  return toPriority(/^[+-]?\d+$/.test(text) ? Number(text) : (text as Priority));
}
