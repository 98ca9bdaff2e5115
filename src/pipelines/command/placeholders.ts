import { parse } from "node:path";
import { MilepostError } from "../../core/errors.ts";

/** What stands in braces for a part of the item, and what it stands for. `""` is `{}`. */
const PLACEHOLDERS = ["", "name", "base", "ext", "dir", "n", "out"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** What each placeholder stands for in the command of one item. */
export type PlaceholderValues = Readonly<Record<Placeholder, string>>;

/** Text and the holes in it, in order. */
export type TextPart = string | { readonly placeholder: Placeholder };

/**
 * A placeholder as people write it. Words in lower case, numbers and the signs of GNU parallel are taken for placeholders, so
 * that a slip is an error and not an argument; every other text in braces (`{print $1}`, `{a,b}`, `{"k":1}`) is left as it is.
 * In doubled braces it is no placeholder: one pair of braces is taken away.
 */
const IN_BRACES = /\{\{([a-z]*|\d+|[./#%]{1,2})\}\}|\{([a-z]*|\d+|[./#%]{1,2})\}/g;

/** A placeholder found in a text, or with `literal` a text in doubled braces. */
export interface Braces {
  readonly index: number;
  readonly length: number;
  readonly word: string;
  readonly isLiteral: boolean;
}

/** Everything in `text` that has the form of a placeholder, known or not. */
export function findBraces(text: string): readonly Braces[] {
  return Array.from(text.matchAll(IN_BRACES), (match) => ({
    index: match.index,
    length: match[0].length,
    word: match[1] ?? match[2] ?? "",
    isLiteral: match[1] !== undefined,
  }));
}

/**
 * Splits `text` at its placeholders.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for a placeholder that is not among `allowed`, naming those that are.
 */
export function parseText(text: string, allowed: readonly Placeholder[]): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const { index, length, word, isLiteral } of findBraces(text)) {
    parts.push(text.slice(end, index));
    parts.push(isLiteral ? `{${word}}` : { placeholder: toPlaceholder(word, allowed) });
    end = index + length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

/** The placeholders that a command may use: all of them, or, where it runs for no item, `{out}` alone. */
export function placeholdersFor(per: "item" | "batch"): readonly Placeholder[] {
  return per === "item" ? PLACEHOLDERS : ["out"];
}

export function isPlaceholder(part: TextPart): part is { readonly placeholder: Placeholder } {
  return typeof part !== "string";
}

/** The text with its holes filled. */
export function fillText(parts: readonly TextPart[], values: PlaceholderValues): string {
  let text = "";
  for (const part of parts) text += typeof part === "string" ? part : values[part.placeholder];
  return text;
}

/** What the placeholders stand for. `n` is the item's place in its batch, from 1 on. */
export function valuesOf(item: { readonly key: string; readonly n: number; readonly out: string }): PlaceholderValues {
  const { name, base, ext, dir } = parse(item.key);
  return { "": item.key, name, base, ext: ext.slice(1), dir: dir || ".", n: String(item.n), out: item.out };
}

/** @throws {MilepostError} `INVALID_ARGUMENT` for a word that is not among `allowed`, naming those that are. */
export function toPlaceholder(word: string, allowed: readonly Placeholder[]): Placeholder {
  const found = allowed.find((known) => known === word);
  if (found !== undefined) return found;
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `unknown placeholder {${word}}; known: ${allowed.map((known) => `{${known}}`).join(" ")}; write {{${word}}} where the braces are meant as they stand`,
    { details: { found: word } },
  );
}
