/**
 * The line of `text`, valid JSON, on which the value at `path` begins, counted from 1. Where the path leads nowhere (a field that is missing),
 * the line of the last value on the way to it.
 */
export function lineOfPath(text: string, path: readonly PropertyKey[]): number {
  let at = skipSpace(text, 0);
  for (const key of path) {
    const next = text[at] === "{" ? findField(text, at, String(key)) : findEntry(text, at, key);
    if (next === null) break;
    at = next;
  }
  return lineAt(text, at);
}

/** The line, from 1, that holds the character at `index`. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let found = text.indexOf("\n"); found !== -1 && found < index; found = text.indexOf("\n", found + 1)) line += 1;
  return line;
}

/** Where the value of the last field of that name begins (the one that JSON.parse keeps), in the object at `open`. */
function findField(text: string, open: number, key: string): number | null {
  let found: number | null = null;
  let at = skipSpace(text, open + 1);
  while (text[at] === '"') {
    const end = skipValue(text, at);
    const name: unknown = JSON.parse(text.slice(at, end));
    const value = skipSpace(text, skipSpace(text, end) + 1);
    if (name === key) found = value;
    at = afterValue(text, value);
  }
  return found;
}

/** Where the entry number `key` of the list at `open` begins. */
function findEntry(text: string, open: number, key: PropertyKey): number | null {
  if (text[open] !== "[" || typeof key !== "number") return null;
  let at = skipSpace(text, open + 1);
  for (let index = 0; index < key && text[at] !== "]"; index++) at = afterValue(text, at);
  return text[at] === "]" ? null : at;
}

/** Behind a value and the comma that follows it. */
function afterValue(text: string, at: number): number {
  const end = skipSpace(text, skipValue(text, at));
  return text[end] === "," ? skipSpace(text, end + 1) : end;
}

function skipSpace(text: string, at: number): number {
  let index = at;
  while (index < text.length && " \t\r\n".includes(text.charAt(index))) index += 1;
  return index;
}

/** Behind the value at `at`. Depth is counted, not recursed into. */
function skipValue(text: string, at: number): number {
  let depth = 0;
  let index = at;
  while (index < text.length) {
    const character = text.charAt(index);
    if (character === '"') index = skipString(text, index);
    else if (depth === 0 && ",]} \t\r\n".includes(character)) return index;
    else index += 1;
    if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") depth -= 1;
    if (depth === 0 && '"]}'.includes(character)) return index;
  }
  return index;
}

function skipString(text: string, open: number): number {
  let index = open + 1;
  while (index < text.length && text.charAt(index) !== '"') index += text.charAt(index) === "\\" ? 2 : 1;
  return index + 1;
}
