import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import { type LrcLine, parseLrcLine } from "./lrc-line.ts";
import type { Lyrics, Word } from "./lyrics.ts";
import { LyricsBuilder } from "./lyrics-builder.ts";
import { shiftLyrics } from "./shift-lyrics.ts";
import { splitLines } from "./split-lines.ts";
import { latestEnd, spreadWords } from "./spread-words.ts";

/** What a file says beside its lines. */
interface LrcTags {
  readonly title?: string;
  readonly artist?: string;
  /** Milliseconds; positive: the lyrics come sooner. */
  readonly offsetMs: number;
  readonly lengthMs: number | null;
}

/**
 * LRC, plain (`[mm:ss.xx]text`) and enhanced (`[mm:ss.xx] <mm:ss.xx>word <mm:ss.xx>word`).
 *
 * A stamp ends what stands before it. What no stamp ends lasts until the next line of the file's times begins, but no longer than
 * `latestEnd` and [length:]. Several words between two stamps share the time between them by their letters.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with file and line: text without a time, seconds beyond 59, times that go back.
 */
export function readLrcLyrics(text: string, source: string): Lyrics {
  const { lines, tags } = parse(text, source);
  const starts = lines.flatMap(({ starts }) => starts).sort((one, other) => one - other);
  const builder = new LyricsBuilder(source);
  for (const line of lines) {
    const [written] = line.starts;
    if (written === undefined || line.segments.length === 0) continue;
    for (const startMs of line.starts) {
      const words = wordsOf(line, startMs - written, { starts, lengthMs: tags.lengthMs });
      builder.add({ at: line.at, words, startMs });
    }
  }
  return shiftLyrics(builder.finish(tags), -tags.offsetMs, source);
}

function parse(text: string, source: string): { readonly lines: readonly LrcLine[]; readonly tags: LrcTags } {
  const lines: LrcLine[] = [];
  let tags: LrcTags = { offsetMs: 0, lengthMs: null };
  let stamps = 0;
  for (const { line: written, at } of splitLines(text, source)) {
    if (written.startsWith("#")) continue;
    const line = parseLrcLine(written, at, source);
    if (line === null) {
      tags = { ...tags, ...parseTags(written, at, source) };
      continue;
    }
    lines.push(line);
    stamps += line.starts.length * (line.segments.length + 1);
    if (stamps > LIMITS.lyricsWords) throw fileError(source, at, `there must be at most ${LIMITS.lyricsWords} times`);
    if (lines.length > LIMITS.lyricsLines) {
      throw fileError(source, at, `lyrics must have at most ${LIMITS.lyricsLines} lines`);
    }
  }
  return { lines, tags };
}

/** The words of a line, `byMs` later than written (it is a repetition). */
function wordsOf(
  { segments, endMs, isPlain }: LrcLine,
  byMs: number,
  song: { readonly starts: readonly number[]; readonly lengthMs: number | null },
): readonly Word[] {
  return segments.flatMap(({ text, startMs: written }, index) => {
    const startMs = written + byMs;
    const stamp = segments[index + 1]?.startMs ?? endMs;
    const end = stamp === null ? endOf(text, startMs, song) : stamp + byMs;
    return spreadWords(text, { startMs, endMs: end }, isPlain ? "letter" : "word");
  });
}

function endOf(
  text: string,
  startMs: number,
  { starts, lengthMs }: { readonly starts: readonly number[]; readonly lengthMs: number | null },
): number {
  const next = firstAfter(starts, startMs) ?? lengthMs ?? Number.POSITIVE_INFINITY;
  const latest = Math.min(latestEnd(text, startMs), next);
  return Math.max(startMs, latest);
}

/** The first of sorted times that is later. */
function firstAfter(sorted: readonly number[], ms: number): number | undefined {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? 0) > ms) to = middle;
    else from = middle + 1;
  }
  return sorted[from];
}

const TAG = /\[([a-z#]{1,16}):([^\]]*)\]\s*/giy;
const WHOLE_TAG = /^\[([a-z#]{1,16}):(.*)\]$/is;

/** `[ti:…]` and the like, one or several in a line, else a heading in brackets (`[Chorus]`), which says nothing. */
function parseTags(line: string, at: number, source: string): Partial<LrcTags> {
  const several = [...line.matchAll(TAG)];
  const isAll = several.reduce((length, [tag]) => length + tag.length, 0) === line.length;
  const whole = WHOLE_TAG.exec(line);
  const found = isAll ? several : whole === null ? [] : [whole];
  if (found.length === 0 && !/^\[[^\]]*\]$/.test(line)) throw fileError(source, at, "has no time like [01:23.45]");
  let tags: Partial<LrcTags> = {};
  for (const [, name = "", value = ""] of found) {
    tags = { ...tags, ...tagOf(name.toLowerCase(), value.trim(), at, source) };
  }
  return tags;
}

function tagOf(name: string, value: string, at: number, source: string): Partial<LrcTags> {
  switch (name) {
    case "ti":
      return { title: value };
    case "ar":
      return { artist: value };
    case "offset": {
      if (value === "") return {};
      const offsetMs = /^[+-]?\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      if (Math.abs(offsetMs) <= LIMITS.songMs) return { offsetMs };
      throw fileError(source, at, "[offset:] must be whole milliseconds, a day at most");
    }
    case "length": {
      const [, minutes, seconds] = /^(\d{1,4}):(\d{1,2}(?:\.\d{1,3})?)$/.exec(value) ?? [];
      return minutes === undefined ? {} : { lengthMs: Math.round((Number(minutes) * 60 + Number(seconds)) * 1_000) };
    }
    default:
      return {};
  }
}
