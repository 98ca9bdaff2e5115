import { randomBytes } from "node:crypto";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { Logger } from "../../ports/logger.ts";
import { keptText } from "../kept-text.ts";
import { DELIVERY_PIPELINE, DELIVERY_QUEUE, declareDeliveries, submitDeliveries } from "./delivery-pipeline.ts";
import { EndWatcher } from "./end-watcher.ts";
import { toEndpoints, toSigningKey, toWebhookSecret, type WebhookOptions } from "./webhook-settings.ts";

/** A server that was down when a batch ended tells it still, if it comes back within this time. */
const LOOK_BACK_MS = 86_400_000;
/** Deliveries that came to an end are kept for longer than anybody looks back: while they are there, none is made twice. */
const KEPT_MS = 2 * LOOK_BACK_MS;
const PRUNE_EVERY_MS = 3_600_000;
const CONCURRENCY = 4;
const KEY_BYTES = 32;

const WEBHOOK_SECRET_FILE = "webhook-secret";

export interface Webhooks {
  /** Notices no more ends and lets deliveries under way come to theirs for `graceMs`. What is left is delivered later. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Tells the configured URLs of every batch that ends, deliveries themselves excepted. Each end becomes one durable delivery
 * to each URL, made by whichever server notices it first.
 */
export async function startWebhooks(parts: {
  readonly milepost: Milepost;
  readonly options: WebhookOptions;
  readonly files: string;
  readonly log: Logger;
}): Promise<Webhooks> {
  const { milepost, options, log } = parts;
  const endpoints = toEndpoints(options.urls);
  const secret =
    options.secret ?? (await keptText(parts.files, WEBHOOK_SECRET_FILE, () => toWebhookSecret(randomBytes(KEY_BYTES))));
  declareDeliveries(milepost, { endpoints, key: toSigningKey(secret), firstDelayMs: options.firstDelayMs });
  const worker = await milepost.work({ queues: [DELIVERY_QUEUE], concurrency: CONCURRENCY });
  const onEnd = async (batch: BatchSnapshot): Promise<void> => {
    if (batch.pipeline !== DELIVERY_PIPELINE) await submitDeliveries(milepost, batch, endpoints);
  };
  const watcher = new EndWatcher({ milepost, onEnd, log, sinceMs: LOOK_BACK_MS });
  const pruning = pruneEvery(milepost, log);
  return {
    async stop(graceMs: number): Promise<void> {
      clearInterval(pruning);
      await watcher.stop();
      await worker.stop({ graceMs });
    },
  };
}

function pruneEvery(milepost: Milepost, log: Logger): NodeJS.Timeout {
  const prune = (): void => {
    milepost.prune({ queue: DELIVERY_QUEUE, owner: "", olderThanMs: KEPT_MS }).catch((error: unknown) => {
      log.warn("old deliveries could not be deleted; trying again", { error: String(error) });
    });
  };
  prune();
  return setInterval(prune, PRUNE_EVERY_MS).unref();
}
