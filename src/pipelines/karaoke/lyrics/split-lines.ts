import { LIMITS } from "../../../core/limits.ts";
import { fileError } from "../project-errors.ts";

/** A line of a file, trimmed. */
export interface FileLine {
  readonly line: string;
  /** From 1. */
  readonly at: number;
}

/**
 * The lines of a file, whatever ends them; empty ones are left out.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` at a line that is longer than any line with words needs to be
 */
export function* splitLines(text: string, source: string): Generator<FileLine> {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").split("\n");
  for (const [index, written] of lines.entries()) {
    const at = index + 1;
    if (written.length > LIMITS.lyricsLineLength) {
      const found = `must be at most ${LIMITS.lyricsLineLength} characters long; found ${written.length}`;
      throw fileError(source, at, found);
    }
    const line = written.trim();
    if (line !== "") yield { line, at };
  }
}
