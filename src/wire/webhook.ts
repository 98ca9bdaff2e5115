import { z } from "zod";
import type { BatchSnapshot } from "../core/batch.ts";
import { batchSchema, toWireBatch } from "./batch.ts";
import { timeSchema } from "./page.ts";

/** What a webhook delivers: the body of its POST. Its `webhook-id` is the same for every try, so that a receiver can tell. */
export const webhookEventSchema = z
  .object({
    type: z.literal("batch.ended"),
    timestamp: timeSchema.describe("When the batch ended"),
    data: batchSchema.omit({ options: true }),
  })
  .meta({ id: "WebhookEvent", description: "A batch has ended" });

export type WebhookEvent = z.infer<typeof webhookEventSchema>;

/** What is told of a batch that has ended. Its options stay here: they may be large, and are nobody's business outside. */
export function toWebhookEvent(batch: BatchSnapshot): WebhookEvent {
  const { options: _options, ...data } = toWireBatch(batch);
  return { type: "batch.ended", timestamp: data.endedAt ?? data.createdAt, data };
}
