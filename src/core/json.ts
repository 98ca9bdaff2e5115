import { MilepostError } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/**
 * What may be stored with a batch or an item: the values that JSON brings back unchanged. TypeScript takes an object whose type is a
 * `type` for it, not one of an `interface`, which might get other fields.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Returns `value` as JSON text, or throws before anything is written.
 *
 * Refuses what would come back as something else: Date, Map, BigInt, functions, `undefined` in arrays, NaN, cycles,
 * NUL and lone surrogates in strings, more than `LIMITS.jsonDepth` levels, more than `bytesMax` bytes.
 *
 * @throws {MilepostError} `NOT_JSON`, naming `what` and the path of the offending value.
 */
export function toJsonText(value: unknown, what: string, bytesMax: number = LIMITS.itemJsonBytes): string {
  assertJson(value, what, what, 0);
  const text = JSON.stringify(value);
  // A UTF-16 unit is at most 3 bytes of UTF-8, so short texts need no exact count.
  if (text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax) {
    throw new MilepostError(
      "NOT_JSON",
      `${what} must be at most ${bytesMax} bytes of JSON; store large data in a file and its path here`,
    );
  }
  return text;
}

function assertJson(value: unknown, what: string, path: string, depth: number): asserts value is Json {
  if (depth > LIMITS.jsonDepth) throw notJson(what, path, `nesting deeper than ${LIMITS.jsonDepth} levels`);
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") {
    if (!isStorableText(value)) throw notJson(what, path, "a string with NUL or a lone surrogate");
    return;
  }
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw notJson(what, path, String(value));
    return;
  }
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) assertJson(entry, what, `${path}[${index}]`, depth + 1);
    return;
  }
  if (typeof value !== "object") throw notJson(what, path, `a value of type ${typeof value}`);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(what, path, `an object of class ${prototype?.constructor?.name ?? "unknown"}`);
  }
  for (const [key, entry] of Object.entries(value)) {
    if (!isStorableText(key)) throw notJson(what, path, "a key with NUL or a lone surrogate");
    if (entry !== undefined) assertJson(entry, what, `${path}.${key}`, depth + 1);
  }
}

function notJson(what: string, path: string, found: string): MilepostError {
  return new MilepostError("NOT_JSON", `${what} must be plain JSON; found ${found} at ${path}`, { details: { path } });
}

/** True if every store gives `text` back as it is: no NUL, no lone surrogate. */
export function isStorableText(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Length of `text` in UTF-8, counted without encoding it. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00) {
      bytes += 4;
      index += 1;
    } else bytes += 3;
  }
  return bytes;
}

/** Cuts `text` to at most `bytesMax` bytes of UTF-8 at a character boundary, and drops what no store could keep. */
export function toStorableText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax && isStorableText(text)) return text;
  // Cut first: a 50 MiB message must not be walked whole.
  const head = text.slice(0, bytesMax).replaceAll("\0", "").toWellFormed();
  if (utf8Bytes(head) <= bytesMax) return head;
  let bytes = 0;
  let end = 0;
  for (const character of head) {
    bytes += utf8Bytes(character);
    if (bytes > bytesMax) break;
    end += character.length;
  }
  return head.slice(0, end);
}
