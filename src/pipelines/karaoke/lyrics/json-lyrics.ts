import { lineOfPath } from "../json-lines.ts";
import { type LyricsJson, lyricsSchema } from "../project.ts";
import { issueError } from "../project-errors.ts";
import { parseJson } from "../read-json.ts";
import { buildLyrics } from "./build-lyrics.ts";
import type { Lyrics } from "./lyrics.ts";

/**
 * Lyrics with the times of words as JSON: `{ lines: [{ words: [{ text, start, end }], singer? }], title?, artist? }`, in seconds.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with file, line and field.
 */
export function readJsonLyrics(text: string, source: string): Lyrics {
  const value = parseJson(text, source);
  const result = lyricsSchema.safeParse(value);
  if (!result.success) throw issueError(result.error, { value, source, text });
  return toLyrics(result.data, source, (index) => lineOfPath(text, ["lines", index]));
}

/**
 * Lyrics as a schema took them, in milliseconds.
 *
 * @param lineOf where in the file the entry of `lines` stands
 */
export function toLyrics(given: LyricsJson, source: string, lineOf: (index: number) => number | null): Lyrics {
  const lines = given.lines.map(({ words, singer }, index) => ({
    at: () => lineOf(index),
    words: words.map(({ text, start, end }) => ({ text, startMs: toMs(start), endMs: toMs(end) })),
    singer,
  }));
  return buildLyrics({ ...given, lines }, source);
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1_000);
}
