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

/**
 * Makes lyrics of the lines that a reader finds: cleans texts, moves spaces behind words, drops what has no text, cuts words that
 * reach into the next one, puts lines in order. Guarantees what `Lyrics` says. Each line is checked as it comes, so that a hostile
 * file is refused before it has grown in memory.
 */
export class LyricsBuilder {
  readonly #source: string;
  readonly #lines: Line[] = [];
  #words = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** @throws {MilepostError} `INVALID_ARGUMENT` with source and line: times that go backwards or beyond a day, too much of anything. */
  add(raw: RawLine): void {
    const line = buildLine(raw, this.#source);
    if (line === null) return;
    this.#lines.push(line);
    this.#words += line.words.length;
    if (this.#lines.length > LIMITS.lyricsLines) {
      throw lineError(this.#source, raw, `lyrics must have at most ${LIMITS.lyricsLines} lines`);
    }
    if (this.#words > LIMITS.lyricsWords) {
      throw lineError(this.#source, raw, `lyrics must have at most ${LIMITS.lyricsWords} words`);
    }
  }

  /** @throws {MilepostError} `INVALID_ARGUMENT` if there are no lyrics at all. */
  finish(about: { readonly title?: string | undefined; readonly artist?: string | undefined } = {}): Lyrics {
    if (this.#lines.length === 0) throw fileError(this.#source, null, "there are no lyrics in it");
    const lines = this.#lines.toSorted((one, other) => one.startMs - other.startMs);
    return { lines, ...named("title", about.title), ...named("artist", about.artist) };
  }
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
