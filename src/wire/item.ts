import { z } from "zod";
import type { Range } from "../core/estimator/estimate.ts";
import { ATTEMPT_OUTCOMES, type Attempt, type ItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import { ITEM_STATES } from "../core/transitions.ts";
import { rangeSchema } from "./batch.ts";
import { jsonSchema } from "./json.ts";
import { cursorSchema, idSchema, limitSchema, nextCursorSchema, timeSchema, toWireTime } from "./page.ts";
import { textSchema } from "./text.ts";

export const itemStateSchema = z.enum(ITEM_STATES);

export const itemErrorSchema = z
  .object({ name: z.string(), message: z.string(), code: z.string().nullable() })
  .meta({ id: "ItemError", description: "Why an item or an attempt failed" });

export const progressSchema = z
  .object({
    stage: z.string().nullable(),
    done: z.number().nullable(),
    total: z.number().nullable(),
    unit: z.string().nullable(),
    message: z.string().nullable(),
  })
  .meta({ id: "Progress", description: "Where an item stands: `done` of `total` units of a stage" });

export const itemSchema = z
  .object({
    id: idSchema,
    batchId: idSchema,
    key: z.string(),
    name: z.string().describe("What people call it: the `filename` that its input names, else its key"),
    state: itemStateSchema,
    isHeld: z.boolean(),
    priority: z.int(),
    version: z.int().describe("The version of the batch that changed it last"),
    attempts: z.int().describe("Attempts started in its life"),
    crashes: z.int(),
    readyAt: timeSchema.nullable().describe("Not before this time will it be tried again"),
    size: z.number().nullable(),
    kind: z.string().nullable(),
    input: jsonSchema,
    output: jsonSchema,
    error: itemErrorSchema.nullable(),
    progress: progressSchema,
    fraction: z.number().describe("0 to 1; 1 exactly when completed"),
    startedAt: timeSchema.nullable(),
    endedAt: timeSchema.nullable(),
  })
  .meta({ id: "Item", description: "One image, document, command of a batch" });

/** An item as lists tell it. */
export type WireItem = z.infer<typeof itemSchema>;

export const attemptSchema = z
  .object({
    token: z.int().describe("Its fencing number; rises with each lease of the item"),
    worker: z.string().nullable(),
    outcome: z.enum(ATTEMPT_OUTCOMES).nullable().describe("Null while it runs"),
    error: itemErrorSchema.nullable(),
    startedAt: timeSchema,
    endedAt: timeSchema.nullable(),
  })
  .meta({ id: "Attempt", description: "One run of an item by one worker" });

export const itemDetailSchema = itemSchema
  .extend({
    estimate: rangeSchema.nullable().describe("What it has left, while it runs"),
    runs: z.array(attemptSchema).describe("Its attempts, oldest first, the last ten or so"),
  })
  .meta({ id: "ItemDetail", description: "An item with its attempts" });

/** An item with its attempts. */
export type WireItemDetail = z.infer<typeof itemDetailSchema>;

export const itemsPageSchema = z
  .object({
    items: z.array(itemSchema),
    nextCursor: nextCursorSchema,
    span: z
      .int()
      .optional()
      .describe("With `from`: how many places there are in the order of submission; removed items leave gaps"),
  })
  .meta({ id: "ItemsPage" });

/** Some items of a batch, and where the next page begins. */
export type WireItemsPage = z.infer<typeof itemsPageSchema>;

const itemFilters = {
  state: itemStateSchema.optional(),
  stage: textSchema(LIMITS.progressTextBytes).optional().describe("Only running items in this stage"),
  error: textSchema(LIMITS.errorMessageBytes).optional().describe("Only failed items with exactly this message"),
  search: textSchema(LIMITS.searchBytes)
    .optional()
    .describe(
      "Only items whose key or filename has this text in it, in any case of ASCII letters. A page may then be short or empty and have one after it",
    ),
};

export const itemFiltersSchema = z.strictObject(itemFilters);
export const itemsQuerySchema = z.strictObject({
  ...itemFilters,
  cursor: cursorSchema,
  from: z.coerce
    .number()
    .int()
    .min(0)
    .max(LIMITS.itemsPerBatch)
    .optional()
    .describe("Begin with the item that was submitted as this one, from 0; not with `cursor`"),
  limit: limitSchema,
});

/** Of a video, in seconds. */
const TIME_MAX_S = 86_400;

export const previewQuerySchema = z.strictObject({
  at: z.coerce
    .number()
    .min(0)
    .max(TIME_MAX_S)
    .optional()
    .describe("Seconds into the video; default: the frame that the export has reached"),
});

/** An item as every answer and event of the API shows it. */
export function toWireItem(item: ItemSnapshot): WireItem {
  return {
    ...item,
    input: item.input as WireItem["input"],
    output: item.output as WireItem["output"],
    error: item.error === null ? null : { ...item.error },
    progress: { ...item.progress },
    readyAt: toWireTime(item.readyAt),
    startedAt: toWireTime(item.startedAt),
    endedAt: toWireTime(item.endedAt),
  };
}

export function toWireItemDetail(
  item: ItemSnapshot & { readonly estimate: Range | null },
  attempts: readonly Attempt[],
): WireItemDetail {
  return {
    ...toWireItem(item),
    estimate: item.estimate === null ? null : { ...item.estimate },
    runs: attempts.map((attempt) => ({
      ...attempt,
      error: attempt.error === null ? null : { ...attempt.error },
      startedAt: attempt.startedAt.toISOString(),
      endedAt: toWireTime(attempt.endedAt),
    })),
  };
}
