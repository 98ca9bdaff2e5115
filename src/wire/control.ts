import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { batchSchema } from "./batch.ts";
import { itemSchema } from "./item.ts";
import { queueSchema } from "./queue.ts";
import { prioritySchema, textSchema } from "./text.ts";

/** The body of a control that needs none: nothing, or an empty object. */
export const emptySchema = z.strictObject({}).meta({ id: "Empty", description: "Nothing, or an empty object" });

export const retrySchema = z
  .strictObject({
    failed: z.boolean().default(false).describe("Only failed items, not cancelled ones"),
    error: textSchema(LIMITS.errorMessageBytes).optional().describe("Only items that failed with exactly this message"),
  })
  .meta({ id: "Retry" });

export const newPrioritySchema = z.strictObject({ priority: prioritySchema }).meta({ id: "NewPriority" });

const changed = z
  .int()
  .min(0)
  .describe("Items whose state changed, or 1 for a batch or queue that was; 0: it was so already");

const outstanding = z
  .object({
    workers: z.int().describe("Workers that have not confirmed yet that they start nothing more"),
    processing: z.int().describe("Items that still run"),
  })
  .describe("Of a pause or stop that stands but is not acknowledged yet by everybody");

export const batchControlledSchema = z
  .object({ changed, batch: batchSchema, outstanding: outstanding.optional() })
  .meta({ id: "BatchControlled" });

export const itemControlledSchema = z.object({ changed, item: itemSchema }).meta({ id: "ItemControlled" });

export const queueControlledSchema = z
  .object({ changed, queue: queueSchema, outstanding: outstanding.optional() })
  .meta({ id: "QueueControlled" });

export const removedSchema = z
  .object({ changed: z.int().min(0).describe("Items that were removed") })
  .meta({ id: "Removed" });
