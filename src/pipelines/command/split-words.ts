import { MilepostError } from "../../core/errors.ts";

/** What only a shell could carry out. Unquoted, it is more likely a mistake than an argument. */
const OPERATORS = "|&;<>()`";
const BLANK = /\s/;

/**
 * Splits a command line into words as a POSIX shell does before it expands anything (XCU 2.2): blanks separate, `'…'` is
 * taken as it is, in `"…"` a backslash escapes `"`, `\`, `$` and a backquote, elsewhere it escapes any character.
 *
 * Nothing is expanded: no patterns, no `~`.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for a quote that is not closed, and for what needs a shell: unquoted
 *   operators, and `$` and backquotes that a shell would expand.
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let index = 0;
  const take = (text: string): void => {
    word = (word ?? "") + text;
  };
  while (index < line.length) {
    const character = line.charAt(index);
    if (character === "'") {
      const end = line.indexOf("'", index + 1);
      if (end < 0) throw unclosed("'", line);
      take(line.slice(index + 1, end));
      index = end + 1;
    } else if (character === '"') {
      const quoted = readDoubleQuoted(line, index + 1);
      take(quoted.text);
      index = quoted.end;
    } else if (character === "\\") {
      // A backslash before a line break joins two lines; as the last character it stands for itself.
      const next = line.charAt(index + 1);
      if (next !== "\n") take(next === "" ? "\\" : next);
      index += 2;
    } else if (BLANK.test(character)) {
      if (word !== null) words.push(word);
      word = null;
      index += 1;
    } else {
      assertNoShell(line, index, OPERATORS);
      take(character);
      index += 1;
    }
  }
  return word === null ? words : [...words, word];
}

function readDoubleQuoted(line: string, start: number): { readonly text: string; readonly end: number } {
  let text = "";
  for (let index = start; index < line.length; index++) {
    const character = line.charAt(index);
    if (character === '"') return { text, end: index + 1 };
    if (character === "\\" && '"\\$`\n'.includes(line.charAt(index + 1)) && index + 1 < line.length) {
      index += 1;
      if (line.charAt(index) !== "\n") text += line.charAt(index);
    } else {
      assertNoShell(line, index, "`");
      text += character;
    }
  }
  throw unclosed('"', line);
}

function assertNoShell(line: string, index: number, operators: string): void {
  const character = line.charAt(index);
  const isExpansion = character === "$" && /^[\w({@*#?!$-]/.test(line.slice(index + 1));
  if (!isExpansion && !operators.includes(character)) return;
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `${character} needs a shell, and this command runs without one; write sh -c '…' (run command: add --shell), or put it in single quotes to pass it on as it is`,
    { details: { found: character, position: index } },
  );
}

function unclosed(quote: string, line: string): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", `a quote (${quote}) is not closed in the command ${line}`);
}
