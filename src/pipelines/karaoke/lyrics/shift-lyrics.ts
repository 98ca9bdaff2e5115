import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";
import type { Line, Lyrics } from "./lyrics.ts";

/**
 * The same lyrics, `byMs` later. What then lies before 0 is cut: lines that ended there are left out.
 *
 * @param byMs negative: sooner
 * @throws {MilepostError} `INVALID_ARGUMENT` if no line is left, or one ends beyond a day
 */
export function shiftLyrics(lyrics: Lyrics, byMs: number, source: string): Lyrics {
  const by = Math.round(byMs);
  if (by === 0) return lyrics;
  const shift = (ms: number): number => Math.max(0, ms + by);
  const lines: Line[] = [];
  for (const line of lyrics.lines) {
    if (line.endMs + by <= 0) continue;
    const words = line.words.map((word) => ({ ...word, startMs: shift(word.startMs), endMs: shift(word.endMs) }));
    lines.push({ ...line, words, startMs: shift(line.startMs), endMs: shift(line.endMs) });
  }
  if (lines.length === 0) throw fileError(source, null, "offset: it moves every line to before the song");
  if (lines.some(({ endMs }) => endMs > LIMITS.songMs)) {
    throw fileError(source, null, `offset: it moves a line beyond ${LIMITS.songMs / 3_600_000} hours`);
  }
  return { ...lyrics, lines };
}
