import { lineOfPath } from "../json-lines.ts";
import { checkLyrics, isLyricsLike, type LyricsJson } from "../project.ts";
import { fieldError } from "../project-errors.ts";
import { parseJson } from "../read-json.ts";
import type { Lyrics } from "./lyrics.ts";
import { LyricsBuilder } from "./lyrics-builder.ts";

/**
 * Lyrics with the times of words as JSON: `{ lines: [{ words: [{ text, start, end }], singer? }], title?, artist? }`, in seconds.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with file, line and field.
 */
export function readJsonLyrics(text: string, source: string): Lyrics {
  const value = parseJson(text, source);
  const place = { source, text };
  if (!isLyricsLike(value)) throw fieldError(place, [], "must be an object with a list of `lines`");
  return toLyrics(checkLyrics(value, place), source, (index) => lineOfPath(text, ["lines", index]));
}

/**
 * Lyrics as a schema took them, in milliseconds.
 *
 * @param lineOf where in the file the entry of `lines` stands
 */
export function toLyrics(given: LyricsJson, source: string, lineOf: (index: number) => number | null): Lyrics {
  const builder = new LyricsBuilder(source);
  for (const [index, { words, singer }] of given.lines.entries()) {
    builder.add({
      at: () => lineOf(index),
      words: words.map(({ text, start, end }) => ({ text, startMs: toMs(start), endMs: toMs(end) })),
      singer,
    });
  }
  return builder.finish(given);
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1_000);
}
