import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { QueueState } from "../core/queue.ts";
import { textSchema } from "./text.ts";

const count = z.int().min(0);

export const queueSchema = z
  .object({
    name: z.string(),
    state: z.enum(QueueState),
    concurrency: z.int().nullable().describe("Items that all workers together may hold; null: no limit"),
    batches: count.describe("Batches that have not ended"),
    pending: count,
    processing: count,
  })
  .meta({ id: "Queue", description: "Where work waits and is controlled" });

/** A queue as the server tells it. */
export type WireQueue = z.infer<typeof queueSchema>;

export const queuesSchema = z.object({ queues: z.array(queueSchema) }).meta({ id: "Queues" });

export const queueParamsSchema = z.object({ queue: textSchema(LIMITS.nameBytes) });

export const concurrencySchema = z
  .strictObject({
    concurrency: z
      .int()
      .min(1)
      .max(LIMITS.concurrency * 1_000)
      .nullable()
      .describe("Items that all workers together may hold; null: no limit"),
  })
  .meta({ id: "Concurrency" });
