import { z } from "zod";
import type { BatchSnapshot } from "../core/batch.ts";
import type { ItemSnapshot } from "../core/item.ts";
import { type ItemState, ItemState as STATES } from "../core/transitions.ts";
import { batchStatusSchema, countsSchema, rangeSchema } from "./batch.ts";
import { idSchema, nextCursorSchema, PAGE_LIMIT, timeSchema, toWireTime } from "./page.ts";

/** Images in the first page; a session's batch is no larger by default. */
const IMAGES_BY_DEFAULT = 500;

export const imageStatusSchema = z
  .object({
    id: idSchema,
    filename: z.string(),
    status: z.enum(STATES),
    stage: z.string().optional().describe("The step it is in; while it is processed, if its pipeline has steps"),
    progress: z.number().optional().describe("0 to 1; while it is processed"),
    error: z.string().optional().describe("Why it failed; only if it did"),
  })
  .meta({ id: "ImageStatus" });

export const batchProgressSchema = countsSchema
  .omit({ total: true })
  .extend({
    total: z.int(),
    processed: z.int().describe("completed + failed + cancelled"),
    percent: z.number().nullable().describe("0 to 100, 100 only when the batch has ended; null: not known"),
  })
  .meta({ id: "BatchProgress", description: "`completed` counts successes alone" });

export const batchStatusAnswerSchema = z
  .object({
    batchId: idSchema,
    status: batchStatusSchema,
    progress: batchProgressSchema,
    images: z.array(imageStatusSchema),
    nextCursor: nextCursorSchema,
    estimatedTimeRemaining: z.number().nullable().describe("Seconds: the estimate's median; null: not known, or ended"),
    estimate: rangeSchema.nullable(),
    createdAt: timeSchema,
    startedAt: timeSchema.nullable(),
    completedAt: timeSchema.nullable(),
  })
  .meta({ id: "BatchStatusAnswer", description: "Where a batch stands, and a page of its images" });

/** Where a batch of uploads stands, with its images. */
export type WireBatchStatus = z.infer<typeof batchStatusAnswerSchema>;

export const batchStatusQuerySchema = z.object({
  images: z.enum(["all", "none", ...Object.values(STATES)] as ["all", "none", ...ItemState[]]).default("all"),
  cursor: idSchema.optional().describe("The `nextCursor` of the page before"),
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT).default(IMAGES_BY_DEFAULT),
});

/** Which images come along with the status of a batch. */
export type BatchStatusQuery = z.infer<typeof batchStatusQuerySchema>;

/** What is shown to whoever polls. Times left are rounded, so that an answer changes when there is something new in it. */
export function toWireBatchStatus(
  batch: BatchSnapshot,
  page: { readonly items: readonly ItemSnapshot[]; readonly nextCursor: string | null },
): WireBatchStatus {
  const { counts, processed, percent, estimate } = batch;
  return {
    batchId: batch.id,
    status: batch.status,
    progress: {
      total: counts.total,
      completed: counts.completed,
      failed: counts.failed,
      processing: counts.processing,
      pending: counts.pending,
      cancelled: counts.cancelled,
      processed,
      percent,
    },
    images: page.items.map(toImageStatus),
    nextCursor: page.nextCursor,
    estimatedTimeRemaining: estimate === null ? null : toShownSeconds(estimate.median),
    estimate:
      estimate === null
        ? null
        : {
            low: toShownSeconds(estimate.low),
            median: toShownSeconds(estimate.median),
            high: toShownSeconds(estimate.high),
          },
    createdAt: batch.createdAt.toISOString(),
    startedAt: toWireTime(batch.startedAt),
    completedAt: toWireTime(batch.endedAt),
  };
}

function toImageStatus(item: ItemSnapshot): WireBatchStatus["images"][number] {
  const isRunning = item.state === "processing";
  return {
    id: item.id,
    filename: filenameOf(item),
    status: item.state,
    ...(isRunning && item.progress.stage !== null && { stage: item.progress.stage }),
    ...(isRunning && { progress: Math.floor(item.fraction * 100) / 100 }),
    ...(item.state === "failed" && item.error !== null && { error: item.error.message }),
  };
}

/** The name that a file was sent in under; for work from elsewhere, the last part of what the item is called. */
export function filenameOf({ name }: Pick<ItemSnapshot, "name">): string {
  return (name.split(/[/\\]/).at(-1) ?? name) || name;
}

/** Whole seconds in two digits, at least one: what is shown of 1,234 is 1,200. */
export function toShownSeconds(seconds: number): number {
  const whole = Math.max(1, Math.round(seconds));
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(whole)) - 1);
  return Math.round(whole / unit) * unit;
}
