import { z } from "zod";
import { isStorableText, utf8Bytes } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { PRIORITIES, type PriorityName } from "../core/priority.ts";

/** A text that every store keeps as it is: not empty, well-formed, without NUL, at most so many bytes of UTF-8. */
export function textSchema(bytesMax: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(bytesMax)
    .refine(isStorableText, "must have neither NUL nor lone surrogates")
    .refine((text) => utf8Bytes(text) <= bytesMax, `must be at most ${bytesMax} bytes of UTF-8`);
}

/** A name is shown in one line: no control characters. */
export const nameSchema = textSchema(LIMITS.nameBytes).regex(/^\P{Cc}*$/u, "must have no control characters");

export const prioritySchema = z
  .union(
    [
      z.enum(Object.keys(PRIORITIES) as [PriorityName, ...PriorityName[]]),
      z.int().min(-LIMITS.priority).max(LIMITS.priority),
    ],
    { error: `must be one of ${Object.keys(PRIORITIES).join(", ")} or a whole number within ±${LIMITS.priority}` },
  )
  .describe("Lower runs sooner: a whole number, or `urgent` -20, `high` -10, `normal` 0, `low` 10");
