import type { MilepostError } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import { cleanText } from "./clean-text.ts";
import type { Line, Lyrics, Word } from "./lyrics.ts";

/** A line as a reader found it: times as written, text not cleaned. */
export interface RawLine {
  /** Where it stands in the file, from 1; asked for only if something is wrong. */
  readonly at: number | (() => number | null);
  readonly words: readonly Word[];
  /** Else the first word's start. */
  readonly startMs?: number;
  /** Else the last word's end. */
  readonly endMs?: number;
  readonly singer?: string | undefined;
}

export interface RawLyrics {
  readonly lines: readonly RawLine[];
  readonly title?: string | undefined;
  readonly artist?: string | undefined;
}

/**
 * Makes lyrics of what a reader found: cleans texts, moves spaces behind words, drops what has no text, cuts words that reach into
 * the next one, puts lines in order. Guarantees what `Lyrics` says.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with source and line: times that go backwards or beyond a day, too much of anything, no
 * lyrics at all.
 */
export function buildLyrics(raw: RawLyrics, source: string): Lyrics {
  const lines: Line[] = [];
  for (const line of raw.lines) {
    const built = buildLine(line, source);
    if (built !== null) lines.push(built);
    if (lines.length > LIMITS.lyricsLines) {
      throw lineError(source, line, `lyrics must have at most ${LIMITS.lyricsLines} lines`);
    }
  }
  if (lines.length === 0) throw fileError(source, null, "there are no lyrics in it");
  lines.sort((one, other) => one.startMs - other.startMs);
  return { lines, ...named("title", raw.title), ...named("artist", raw.artist) };
}

function buildLine(raw: RawLine, source: string): Line | null {
  checkSize(raw, source);
  const words = trimmed(raw.words);
  const [first] = words;
  const last = words.at(-1);
  if (first === undefined || last === undefined) return null;
  for (const [index, word] of words.entries()) {
    const next = words[index + 1];
    const problem = problemOf(word, next);
    if (problem !== null) throw lineError(source, raw, `${JSON.stringify(word.text.trim())} ${problem}`);
    if (next !== undefined && word.endMs > next.startMs) words[index] = { ...word, endMs: next.startMs };
  }
  return {
    words,
    startMs: Math.min(first.startMs, raw.startMs ?? first.startMs),
    endMs: Math.max(last.endMs, raw.endMs ?? last.endMs),
    ...named("singer", raw.singer),
  };
}

/** What is wrong with a word's times; null if nothing is. */
function problemOf(word: Word, next: Word | undefined): string | null {
  const { startMs, endMs } = word;
  if (startMs < 0) return `begins ${-startMs} ms before the song`;
  if (endMs < startMs) return `ends at ${endMs} ms, before it begins at ${startMs} ms`;
  if (endMs > LIMITS.songMs) return `ends beyond ${LIMITS.songMs / 3_600_000} hours`;
  if (next !== undefined && next.startMs < startMs) {
    return `begins at ${startMs} ms, after the word that follows it (${next.startMs} ms)`;
  }
  return null;
}

/** Before anything is cleaned: what comes here may be hostile. */
function checkSize(raw: RawLine, source: string): void {
  if (raw.words.length > LIMITS.lineWords) {
    throw lineError(source, raw, `a line must have at most ${LIMITS.lineWords} words; found ${raw.words.length}`);
  }
  let length = 0;
  for (const { text } of raw.words) {
    length += text.length;
    if (text.length > LIMITS.wordLength) {
      throw lineError(source, raw, `a word must have at most ${LIMITS.wordLength} characters; found ${text.length}`);
    }
  }
  if (length > LIMITS.lineLength) {
    throw lineError(source, raw, `a line must have at most ${LIMITS.lineLength} characters; found ${length}`);
  }
}

/** The words that have text, each with the space that follows it, none at the line's ends. */
function trimmed(raw: readonly Word[]): Word[] {
  const words: Word[] = [];
  for (const word of raw) {
    const text = cleanText(word.text);
    const last = words.at(-1);
    // A space in front of a word, or alone, belongs to the word before it.
    if (text.startsWith(" ") && last !== undefined && !last.text.endsWith(" ")) {
      words[words.length - 1] = { ...last, text: `${last.text} ` };
    }
    if (text.trimStart() !== "") words.push({ ...word, text: text.replace(/^ /, "") });
  }
  const last = words.at(-1);
  if (last !== undefined) words[words.length - 1] = { ...last, text: last.text.replace(/ $/, "") };
  return words;
}

function lineError(source: string, { at }: RawLine, message: string): MilepostError {
  return fileError(source, typeof at === "number" ? at : at(), message);
}

function named<Name extends string>(name: Name, given: string | undefined): { readonly [key in Name]?: string } {
  const text = given === undefined ? "" : cleanText(given.slice(0, LIMITS.nameBytes)).trim();
  return text === "" ? {} : ({ [name]: text } as { readonly [key in Name]: string });
}
