import type { z } from "zod";
import { MilepostError } from "../../core/errors.ts";
import { lineOfPath } from "./json-lines.ts";

/** What is quoted of a file may be as long as the file. */
const MESSAGE_LENGTH = 500;

/** What is wrong in a file that a user wrote: `song.lrc:12: …`. Lines count from 1. */
export function fileError(source: string, line: number | null, message: string, cause?: unknown): MilepostError {
  const place = line === null ? source : `${source}:${line}`;
  const short = message.length > MESSAGE_LENGTH ? `${message.slice(0, MESSAGE_LENGTH)}…` : message;
  return new MilepostError("INVALID_ARGUMENT", `${place}: ${short}`, { details: { source, line }, cause });
}

/** A value of JSON that a user wrote, and where it came from. */
export interface JsonPlace {
  readonly source: string;
  /** Of the whole file, if the value was read from one. */
  readonly text?: string | undefined;
  /** Where in the file the value stands. */
  readonly path?: readonly PropertyKey[];
}

/** An error about the field at `path` below a place. */
export function fieldError(place: JsonPlace, path: readonly PropertyKey[], message: string): MilepostError {
  const whole = [...(place.path ?? []), ...path];
  const line = place.text === undefined ? null : lineOfPath(place.text, whole);
  return fileError(place.source, line, whole.length === 0 ? message : `${shownPath(whole)}: ${message}`);
}

/** The first thing that a schema found wrong with the value at a place. */
export function issueError(error: z.ZodError, value: unknown, place: JsonPlace): MilepostError {
  const issue = deepest(error.issues);
  const path = issue?.path ?? [];
  const found = issue?.code === "unrecognized_keys" ? "" : `; found ${shown(valueAt(value, path))}`;
  return fieldError(place, path, `${wording(issue?.message ?? "is wrong")}${found}`);
}

/** Where a union was tried, the issue of the alternative that got furthest: the one that was meant. */
function deepest(
  issues: readonly z.core.$ZodIssue[],
  prefix: readonly PropertyKey[] = [],
): z.core.$ZodIssue | undefined {
  const [first] = issues;
  if (first === undefined) return undefined;
  const path = [...prefix, ...first.path];
  const inner = first.code === "invalid_union" ? first.errors.map((errors) => deepest(errors, path)) : [];
  const best = inner.reduce(
    (one, other) => ((other?.path.length ?? 0) > (one?.path.length ?? path.length) ? other : one),
    undefined,
  );
  return best ?? { ...first, path };
}

function wording(message: string): string {
  return message.replace(/^Invalid input: /, "").replace(/, received .*$/, "");
}

/** `lyrics.lines[3].words[0].end`. */
function shownPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = Reflect.get(at, key);
  }
  return at;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  return String(value);
}
