import { extname } from "node:path";
import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import { readSmallFile } from "../read-file.ts";
import { decodeLyrics } from "./decode-lyrics.ts";
import { readJsonLyrics } from "./json-lyrics.ts";
import type { Lyrics } from "./lyrics.ts";

/** By the end of a file's name. */
const READERS: ReadonlyMap<string, (text: string, source: string) => Lyrics> = new Map([[".json", readJsonLyrics]]);

/**
 * Reads a file of lyrics; the end of its name says the format.
 *
 * @param source what to call it in messages
 * @throws {MilepostError} `NOT_FOUND`; `INVALID_ARGUMENT` for a format that is not taken, and with file and line for what is wrong in it.
 */
export async function readLyrics(path: string, source: string): Promise<Lyrics> {
  const reader = READERS.get(extname(path).toLowerCase());
  if (reader === undefined) throw fileError(source, null, "lyrics must be .json, .lrc or .ass");
  return reader(decodeLyrics(await readSmallFile(path, source, LIMITS.lyricsBytes), source), source);
}
