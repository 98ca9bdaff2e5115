import type { ItemError } from "./errors.ts";
import { toStorableText } from "./json.ts";
import { LIMITS } from "./limits.ts";

/**
 * Turns whatever a handler threw into data: any value, of any size, whose getters may throw themselves.
 * The message is cut to `LIMITS.errorMessageBytes` bytes and holds neither NUL nor lone surrogates.
 */
export function toItemError(thrown: unknown): ItemError {
  const isObject = (typeof thrown === "object" && thrown !== null) || typeof thrown === "function";
  const name = isObject ? readText(thrown, "name") : null;
  const message = isObject ? (readText(thrown, "message") ?? describe(thrown)) : describe(thrown);
  const code = isObject ? readText(thrown, "code") : null;
  return {
    name: toStorableText(name || "Error", 128),
    message: toStorableText(message, LIMITS.errorMessageBytes) || "no message",
    code: code === null ? null : toStorableText(code, 128),
  };
}

function readText(thrown: object, property: string): string | null {
  try {
    const value: unknown = Reflect.get(thrown, property);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}

function describe(thrown: unknown): string {
  try {
    return typeof thrown === "string" ? thrown : `a value was thrown that is no error: ${String(thrown)}`;
  } catch {
    return "a value was thrown that is no error and cannot be shown";
  }
}
