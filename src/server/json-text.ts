import { isUtf8 } from "node:buffer";
import { LIMITS } from "../core/limits.ts";
import { refusal } from "./problems.ts";

/** Keys that mean something else to JavaScript than to the sender. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor"]);
const BOM = "\uFEFF";

/**
 * Reads JSON as it came over the wire, strictly: UTF-8 without errors, nesting of at most 32 levels (looked at in the text, so
 * that nothing ever walks a deep value), no key `__proto__` or `constructor`, no number that is infinite here. A byte order mark at the beginning is ignored (RFC 8259,
 * section 8.1, allows it); of equal keys in one object the last counts.
 *
 * @param where where the text stood, for people: `the body`, `line 7`
 * @throws {Refusal} `malformed`, or `validation` for what is JSON but nested too deep, or has such a key or number
 */
export function readJson(bytes: Uint8Array, where: string): unknown {
  if (!isUtf8(bytes)) throw refusal("malformed", `${where} must be UTF-8`);
  const decoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  const text = decoded.startsWith(BOM) ? decoded.slice(1) : decoded;
  if (text.trim() === "") throw refusal("malformed", `${where} must be JSON; it is empty`);
  if (isDeeperThan(LIMITS.jsonDepth, text)) {
    throw refusal("validation", `${where} must not be nested deeper than ${LIMITS.jsonDepth} levels`);
  }
  const value = parse(text, where);
  refuseOddities(value, where);
  return value;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refusal("malformed", `${where} must be one JSON document: ${error instanceof Error ? error.message : ""}`);
  }
}

function isDeeperThan(most: number, text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > most) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
    }
  }
  return false;
}

/** Where the quote is that ends the string; the text's length if none does. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === 0x5c && at - 1 - backslashes >= from) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}

/** The value is no deeper than `LIMITS.jsonDepth`. */
function refuseOddities(value: unknown, where: string): void {
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    throw refusal("validation", `${where} must not have a number beyond 1.8e308`);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, entry] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) throw refusal("validation", `${where} must not have a key ${key}`);
    refuseOddities(entry, where);
  }
}
