import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";

/** One line of an LRC file that has times. */
export interface LrcLine {
  /** In the file, from 1. */
  readonly at: number;
  /** When it is sung: each stamp at its beginning is one time. */
  readonly starts: readonly number[];
  /** Its text, cut at the stamps inside it; those times belong to the first of `starts`. Empty: the line before ends here. */
  readonly segments: readonly { readonly text: string; readonly startMs: number }[];
  /** The stamp behind all text, if there is one. */
  readonly endMs: number | null;
  /** No word has a stamp of its own. Else what stands between two stamps is meant as one. */
  readonly isPlain: boolean;
}

// `[mm:ss]`, `[mm:ss.x]` to `[mm:ss.xxx]`, `[mm:ss:xx]`, `[h:mm:ss.xx]`, and the same in angle brackets.
const STAMP =
  /(?:\[(?=[-\d:.]{3,20}\])|<(?=[-\d:.]{3,20}>))(-?)(\d{1,4}):(\d{1,2})(?::(\d{1,2}))?(?:\.(\d{1,3}))?[\]>]/g;
/** What was meant for a stamp, but is none: `[00:12,5]`. */
const STAMP_LIKE = /^[[<]\s*-?\d+\s*:[\d:.,\s-]*[\]>]/;

/** Each word of a line with its beginning and its end. */
const STAMPS_MAX = 2 * LIMITS.lineWords;

interface Stamp {
  readonly from: number;
  readonly to: number;
  readonly ms: number;
  readonly isLineStamp: boolean;
}

/**
 * Reads a line of an LRC file, trimmed; null if it has no time at all.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for times that cannot be, with file and line
 */
export function parseLrcLine(line: string, at: number, source: string): LrcLine | null {
  const stamps = findStamps(line, at, source);
  const first = stamps[0];
  if (first === undefined || first.from > 0) {
    if (STAMP_LIKE.test(line))
      throw fileError(source, at, "begins with a time that is none; it must be like [01:23.45]");
    return null;
  }
  const leading = countLeading(line, stamps);
  // A line that begins with the time of its first word begins there.
  const starts = stamps.slice(0, Math.max(1, leading)).map(({ ms }) => ms);
  const inner = stamps.slice(leading);
  const textFrom = leading === 0 ? 0 : (stamps[leading - 1]?.to ?? 0);
  const segments = cut(line, textFrom, starts[0] ?? 0, inner);
  const last = segments.at(-1);
  const isEnded = last !== undefined && last.text.trim() === "";
  const texts = isEnded ? segments.slice(0, -1) : segments;
  const isPlain = texts.length === 1 && segments.length > inner.length;
  return { at, starts, segments: texts, endMs: isEnded && texts.length > 0 ? last.startMs : null, isPlain };
}

function findStamps(line: string, at: number, source: string): readonly Stamp[] {
  const stamps: Stamp[] = [];
  for (const match of line.matchAll(STAMP)) {
    stamps.push(toStamp(match, at, source));
    if (stamps.length > STAMPS_MAX) throw fileError(source, at, `must have at most ${STAMPS_MAX} times`);
  }
  return stamps;
}

/** How many stamps in square brackets stand before any text. */
function countLeading(line: string, stamps: readonly Stamp[]): number {
  let count = 0;
  let end = 0;
  for (const { from, to, isLineStamp } of stamps) {
    if (!isLineStamp || line.slice(end, from).trim() !== "") break;
    count += 1;
    end = to;
  }
  return count;
}

/** The texts between stamps; what stands before the first of them only if it is more than space. */
function cut(line: string, from: number, startMs: number, inner: readonly Stamp[]): LrcLine["segments"] {
  const head = line.slice(from, inner[0]?.from ?? line.length);
  const segments = inner.map(({ to, ms }, index) => ({
    text: line.slice(to, inner[index + 1]?.from ?? line.length),
    startMs: ms,
  }));
  return head.trim() === "" ? segments : [{ text: head, startMs }, ...segments];
}

function toStamp(match: RegExpExecArray, at: number, source: string): Stamp {
  const [whole, sign = "", one = "", two = "", three, fraction] = match;
  // Two colons without a dot: the last part is hundredths, as old files have it.
  const isLong = three !== undefined && fraction !== undefined;
  const seconds = Number(isLong ? three : two);
  const minutes = isLong ? Number(one) * 60 + Number(two) : Number(one);
  const part = fraction ?? three ?? "";
  if (sign === "-") throw fileError(source, at, `${whole} is before the song`);
  if (seconds > 59 || (isLong && Number(two) > 59))
    throw fileError(source, at, `${whole} has more than 59 seconds or minutes`);
  const ms = (minutes * 60 + seconds) * 1_000 + Number(part.padEnd(3, "0"));
  return { from: match.index, to: match.index + whole.length, ms, isLineStamp: whole.startsWith("[") };
}
