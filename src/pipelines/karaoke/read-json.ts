import { lineAt } from "./json-lines.ts";
import { fileError } from "./project-errors.ts";

/**
 * The value of JSON that a user wrote.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` with the source and the line of what is no JSON.
 */
export function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // V8 says where, but for an unfinished text, which ends at its end.
    const position = / at position (\d{1,15})/.exec(message)?.[1];
    const line = lineAt(text, position === undefined ? text.length : Number(position));
    throw fileError(
      source,
      line,
      `is not JSON: ${message.replace(/ in JSON at position.*$/s, "").slice(0, 200)}`,
      error,
    );
  }
}
