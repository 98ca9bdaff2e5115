import { extname } from "node:path";
import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import { readTextFile } from "../read-file.ts";
import { readAssLyrics } from "./ass-lyrics.ts";
import { readJsonLyrics } from "./json-lyrics.ts";
import { readLrcLyrics } from "./lrc-lyrics.ts";
import type { Lyrics } from "./lyrics.ts";

/** By the end of a file's name. */
const READERS: ReadonlyMap<string, (text: string, source: string) => Lyrics> = new Map([
  [".json", readJsonLyrics],
  [".lrc", readLrcLyrics],
  [".ass", readAssLyrics],
]);

/**
 * Reads a file of lyrics; the end of the name that it has in `source` says the format.
 *
 * @param source what to call it in messages
 * @throws {MilepostError} `NOT_FOUND`; `INVALID_ARGUMENT` for a format that is not taken, and with file and line for what is wrong in it.
 */
export async function readLyrics(path: string, source: string): Promise<Lyrics> {
  const extension = extname(source).toLowerCase();
  const reader = READERS.get(extension);
  if (reader === undefined) throw fileError(source, null, refusal(extension));
  return reader(await readTextFile(path, source, LIMITS.lyricsBytes), source);
}

function refusal(extension: string): string {
  const taken = "lyrics must be .json (times of words), .lrc (plain or enhanced) or .ass";
  const isSubtitles = extension === ".srt" || extension === ".vtt";
  return isSubtitles ? `${taken}; ${extension.slice(1).toUpperCase()} has no times of words and is not taken` : taken;
}
