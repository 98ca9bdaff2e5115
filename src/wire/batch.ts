import { z } from "zod";
import type { BatchSnapshot } from "../core/batch.ts";
import { BatchStatus } from "../core/batch.ts";
import { jsonSchema } from "./json.ts";
import { cursorSchema, idSchema, limitSchema, nextCursorSchema, ownerSchema, timeSchema, toWireTime } from "./page.ts";
import { nameSchema } from "./text.ts";

const count = z.int().min(0);

export const countsSchema = z
  .object({
    total: count,
    pending: count,
    processing: count,
    completed: count,
    failed: count,
    cancelled: count,
  })
  .meta({ id: "Counts", description: "Items by state: disjoint, their sum is `total`, exact as of the last commit" });

export const rangeSchema = z
  .object({
    low: z.number(),
    median: z.number(),
    high: z.number(),
  })
  .meta({ id: "Range", description: "Seconds; the truth lies between low and high four times in five" });

export const estimateSchema = rangeSchema
  .extend({
    confidence: z.number().describe("How often the truth lies in the range: 0.8"),
    basis: z.enum(["history", "items", "units"]).describe("What it was made of most"),
    finishAt: timeSchema,
  })
  .meta({ id: "Estimate", description: "Time left, in seconds, with its range" });

export const batchStatusSchema = z.enum(BatchStatus);

export const batchSchema = z
  .object({
    id: idSchema,
    name: z.string().nullable(),
    owner: z.string().describe("Empty: the operator's; `session:…`: an anonymous session's"),
    queue: z.string(),
    pipeline: z.string(),
    options: jsonSchema,
    status: batchStatusSchema,
    outcome: z.enum(["success", "partial"]).nullable(),
    isSealed: z.boolean().describe("False while items may still come; only a sealed batch ends"),
    epoch: z.int(),
    version: z.int().describe("Rises with every commit that changed the batch; the cursor of its events"),
    priority: z.int(),
    counts: countsSchema,
    processed: count.describe("completed + failed + cancelled"),
    percent: z.number().nullable().describe("0 to 100, 100 only when the batch has ended; null: not known"),
    estimatedTimeRemaining: z.number().nullable().describe("Seconds: the estimate's median"),
    estimate: estimateSchema.nullable(),
    noEstimate: z
      .object({
        reason: z.enum(["no-evidence", "paused", "no-workers", "open-batch"]),
        afterResume: rangeSchema.nullable(),
      })
      .nullable()
      .describe("Why there is no estimate; null where there is one or none is needed"),
    createdAt: timeSchema,
    startAt: timeSchema.nullable(),
    startedAt: timeSchema.nullable(),
    endedAt: timeSchema.nullable(),
  })
  .meta({ id: "Batch", description: "What was submitted together and is reported together" });

/** A batch as the server tells it: times in ISO 8601 UTC. */
export type WireBatch = z.infer<typeof batchSchema>;

export const batchesPageSchema = z
  .object({
    batches: z.array(batchSchema),
    nextCursor: nextCursorSchema,
    total: count.optional().describe("How many batches the filters let through, on all pages; only if asked for"),
  })
  .meta({ id: "BatchesPage" });
/** Some batches, the newest first, and where the next page begins. */
export type WireBatchesPage = z.infer<typeof batchesPageSchema>;

export const batchesQuerySchema = z.strictObject({
  status: z
    .string()
    .max(100)
    .transform((text) => text.split(","))
    .pipe(z.array(batchStatusSchema))
    .optional()
    .describe("One status or more, with commas between"),
  queue: nameSchema.optional(),
  owner: ownerSchema,
  ended: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional()
    .describe("Only batches that have ended, or that have not"),
  count: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional()
    .describe("Whether to tell the `total` too"),
  cursor: cursorSchema,
  limit: limitSchema,
});

/** A batch as every answer and event of the API shows it. */
export function toWireBatch(batch: BatchSnapshot): WireBatch {
  const { estimate } = batch;
  return {
    ...batch,
    options: batch.options as WireBatch["options"],
    counts: { ...batch.counts },
    estimate: estimate === null ? null : { ...estimate, finishAt: estimate.finishAt.toISOString() },
    noEstimate: batch.noEstimate === null ? null : { ...batch.noEstimate },
    createdAt: batch.createdAt.toISOString(),
    startAt: toWireTime(batch.startAt),
    startedAt: toWireTime(batch.startedAt),
    endedAt: toWireTime(batch.endedAt),
  };
}
