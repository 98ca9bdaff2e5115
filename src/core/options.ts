import { MilepostError } from "./errors.ts";

/** What one option may be: as a test, and in words. */
export interface Rule {
  readonly expected: string;
  readonly allows: (value: unknown) => boolean;
}

/** A rule for every option that `T` has. */
export type Rules<T> = { readonly [Name in keyof Required<T>]: Rule };

export const ANYTHING: Rule = { expected: "anything", allows: () => true };
export const FLAG: Rule = { expected: "true or false", allows: (value) => typeof value === "boolean" };
export const TEXT: Rule = { expected: "a text", allows: (value) => typeof value === "string" };
export const FUNCTION: Rule = { expected: "a function", allows: (value) => typeof value === "function" };
export const OBJECT: Rule = { expected: "an object", allows: (value) => typeof value === "object" && value !== null };
export const LIST: Rule = { expected: "a list", allows: Array.isArray };
export const SIGNAL: Rule = { expected: "an AbortSignal", allows: (value) => value instanceof AbortSignal };
export const DATE: Rule = {
  expected: "a valid Date",
  allows: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
};

export function whole(min: number, max: number): Rule {
  const allows = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  return { expected: `a whole number from ${min} to ${max}`, allows };
}

/** Milliseconds, of which there may be fractions, and no end of them. */
export const MILLISECONDS: Rule = {
  expected: "milliseconds, 0 or more",
  allows: (value) => typeof value === "number" && value >= 0,
};

export function oneOf(names: readonly string[]): Rule {
  return { expected: `one of ${names.join(", ")}`, allows: (value) => names.some((name) => name === value) };
}

export function listOf({ expected, allows }: Rule): Rule {
  return { expected: `a list, each ${expected}`, allows: (value) => Array.isArray(value) && value.every(allows) };
}

/**
 * Refuses what is not an object, an option that nobody knows, for a misspelt one would be passed over in silence, and a value against
 * its rule. What is undefined counts as left out.
 *
 * @param what whose options they are, for people
 * @throws {MilepostError} `INVALID_ARGUMENT`
 */
export function requireOptions<T extends object>(what: string, given: T, rules: Rules<T>): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new MilepostError("INVALID_ARGUMENT", `${what} takes an object of options; found ${show(given)}`);
  }
  const known = new Map<string, Rule>(Object.entries<Rule>(rules));
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const rule = known.get(name);
    if (rule === undefined) {
      const names = [...known.keys()].join(", ");
      throw new MilepostError("INVALID_ARGUMENT", `${what} has no option ${show(name)}; it has ${names}`);
    }
    requireRule(name, value, rule);
  }
}

/** @throws {MilepostError} `INVALID_ARGUMENT` unless `value` is what the rule allows */
export function requireRule(name: string, value: unknown, { expected, allows }: Rule): void {
  if (allows(value)) return;
  throw new MilepostError("INVALID_ARGUMENT", `${name} must be ${expected}; found ${show(value)}`);
}

/** @throws {MilepostError} `INVALID_ARGUMENT` unless `value` is a whole number from `min` to `max` */
export function requireWhole(name: string, value: number, min: number, max: number): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return;
  requireRule(name, value, whole(min, max));
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
