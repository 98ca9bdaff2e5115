import { LIMITS } from "../../core/limits.ts";
import { lineAt } from "./json-lines.ts";
import { fileError } from "./project-errors.ts";

/** What the largest project has: an object for each word, an object and a list for each line, and its other values. */
const CONTAINERS_MAX = LIMITS.lyricsWords + 2 * LIMITS.lyricsLines + LIMITS.projectValues;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/**
 * The value of JSON that a user wrote. Objects and lists are counted before any is made: millions of empty ones take a hundred
 * times the memory of their text.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with the source and the line of what is no JSON, or too much of it.
 */
export function parseJson(text: string, source: string): unknown {
  checkContainers(text, source);
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // V8 says where, but for an unfinished text, which ends at its end.
    const position = / at position (\d{1,15})/.exec(message)?.[1];
    const line = lineAt(text, position === undefined ? text.length : Number(position));
    const reason = message.replace(/ in JSON at position.*$/s, "").slice(0, 200);
    throw fileError(source, line, `is not JSON: ${reason}`, error);
  }
}

/** Braces and brackets inside strings count too; lyrics with as many of those are none. */
function checkContainers(text: string, source: string): void {
  let containers = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit !== OPEN_BRACE && unit !== OPEN_BRACKET) continue;
    containers += 1;
    if (containers > CONTAINERS_MAX) {
      throw fileError(source, lineAt(text, index), `must have at most ${CONTAINERS_MAX} objects and lists`);
    }
  }
}
