import { MilepostError } from "../../core/errors.ts";
import { findBraces, type Placeholder, toPlaceholder } from "./placeholders.ts";

export interface ShellScript {
  /** For `sh -c`: placeholders have become the parameters `$1`, `$2` … */
  readonly text: string;
  /** What each parameter stands for, in order. */
  readonly parameters: readonly Placeholder[];
}

/** How the shell reads a character: as code, between double quotes, between single quotes, or after a backslash. */
type Reading = "code" | "double" | "single" | "escaped";

/**
 * Turns a command line for the shell into a script whose placeholders are parameters of the shell.
 *
 * Values never become part of the script's text, so the shell cannot take them for code, whatever they hold and wherever they
 * stand. A placeholder is quoted as its place needs it (`"${1}"`, between double quotes `${1}`), so that its value stays one
 * word. `${name}` is the shell's own variable.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for an unknown placeholder, and for one between single quotes: nothing is filled in there.
 */
export function toShellScript(line: string, allowed: readonly Placeholder[]): ShellScript {
  const readings = readAsShell(line);
  const parameters: Placeholder[] = [];
  let text = "";
  let end = 0;
  for (const { index, length, word, isLiteral } of findBraces(line)) {
    const isVariable = line.charAt(index - 1) === "$" && readings[index - 1] !== "escaped" && !isLiteral;
    if (isVariable) continue;
    text += line.slice(end, index);
    end = index + length;
    if (isLiteral) {
      text += `{${word}}`;
      continue;
    }
    const placeholder = toPlaceholder(word, allowed);
    if (readings[index] === "single") throw inSingleQuotes(word);
    if (!parameters.includes(placeholder)) parameters.push(placeholder);
    const parameter = `\${${parameters.indexOf(placeholder) + 1}}`;
    text += readings[index] === "double" ? parameter : `"${parameter}"`;
  }
  return { text: text + line.slice(end), parameters };
}

/**
 * How a POSIX shell reads each character of `line`. Inside of `$(…)`, `(…)` and backquotes quoting starts anew. Here-documents
 * and comments are read as code.
 */
function readAsShell(line: string): readonly Reading[] {
  const readings: Reading[] = [];
  /** What we are inside of, innermost last: the character that ends it. */
  const ends: string[] = [];
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    const isDouble = ends.at(-1) === '"';
    readings[index] ??= isDouble ? "double" : "code";
    if (character === "\\") {
      readings[index + 1] = "escaped";
      index += 1;
    } else if (character === ends.at(-1)) ends.pop();
    else if (character === "'" && !isDouble) {
      const closing = line.indexOf("'", index + 1);
      const last = closing < 0 ? line.length : closing;
      for (index += 1; index < last; index++) readings[index] = "single";
      readings[last] = "code";
    } else if (character === '"' || character === "`") ends.push(character);
    else if (character === "(" && (!isDouble || line.charAt(index - 1) === "$")) ends.push(")");
  }
  return readings;
}

function inSingleQuotes(word: string): MilepostError {
  return new MilepostError(
    "INVALID_ARGUMENT",
    `{${word}} stands between single quotes, where the shell fills in nothing; write it without quotes (its value is always one word) or between double quotes`,
  );
}
