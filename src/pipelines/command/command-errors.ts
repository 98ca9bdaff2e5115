import { NoRetryError } from "../../core/errors.ts";
import type { ProgramEnd } from "./launcher.ts";

/**
 * The error of a command that failed: code `EXIT_<status>` or the signal's name; the message says how it ended and, of what
 * stderr ended with, the last line first, because that is the line which lists have room for.
 */
export function failedCommand(end: ProgramEnd, stderrTail: string): Error {
  const how = end.signal === null ? `exit status ${end.exitStatus}` : `ended by ${end.signal}`;
  const lines = stderrTail.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  const last = lines.at(-1)?.trim();
  const more = lines.length > 1 ? `\nstderr ended with:\n${lines.join("\n")}` : "";
  const message = last === undefined ? `${how}, and nothing on stderr` : `${how}: ${last}${more}`;
  return Object.assign(new Error(message), { code: end.signal ?? `EXIT_${end.exitStatus}` });
}

/** The error of a program that is not there: another attempt will not find it either. */
export function missingProgram(program: string): NoRetryError {
  return new NoRetryError(`there is no program ${JSON.stringify(program)}`, { code: "ENOENT" });
}
