import { z } from "zod";

/** Rows in a page at most; more is a refusal, not a shorter page. */
export const PAGE_LIMIT = 1_000;

export const limitSchema = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGE_LIMIT)
  .default(100)
  .describe("Rows in the page, 1 to 1,000");

export const cursorSchema = z
  .string()
  .min(1)
  .max(200)
  .optional()
  .describe("The `nextCursor` of the page before, asked with the same filters");

export const nextCursorSchema = z
  .string()
  .nullable()
  .describe("Pass it as `cursor` for the next page; null: this was the last");

/** Whose things are asked for. */
export const ownerSchema = z
  .string()
  .max(100)
  .optional()
  .describe("Only the operator may ask; empty: the operator's own; `session:…`: an anonymous session's");

/** An id in a path or a query; anything else is refused as malformed, before it is looked for. */
export const idSchema = z.uuid().toLowerCase().describe("A UUID");

/** A time on the wire: ISO 8601 in UTC. */
export const timeSchema = z.iso.datetime();

export function toWireTime(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}
