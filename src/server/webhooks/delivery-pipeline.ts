import type { BatchSnapshot } from "../../core/batch.ts";
import { NoRetryError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { Handler } from "../../engine/pipeline.ts";
import { toWebhookEvent, type WebhookEvent } from "../../wire/webhook.ts";
import { signedHeaders } from "./signature.ts";
import type { Endpoint } from "./webhook-settings.ts";

export const DELIVERY_PIPELINE = "webhook";
/** Deliveries have a queue of their own, so that they wait behind nothing. */
export const DELIVERY_QUEUE = "webhooks";

/** With the delays below, the last try comes about half a day after the first. */
const ATTEMPTS = 20;
const FIRST_DELAY_MS = 5_000;
const LAST_DELAY_MS = 3_600_000;
const ANSWER_WITHIN_MS = 15_000;
const GONE = 410;

/** What deliveries of one engine are made with; the latest server's. */
interface Sender {
  endpoints: ReadonlyMap<string, Endpoint>;
  key: Buffer;
}

const senders = new WeakMap<Milepost, Sender>();

/**
 * Lets the workers of this engine deliver. A delivery is an item like any other: durable, tried again with growing waits,
 * shown and steered like all work. It names the place it goes to, but the URL itself is in the configuration alone: no
 * item, whoever made it, sends anything anywhere else.
 */
export function declareDeliveries(
  milepost: Milepost,
  sender: { readonly endpoints: readonly Endpoint[]; readonly key: Buffer; readonly firstDelayMs?: number | undefined },
): void {
  const { key, firstDelayMs: delayMs = FIRST_DELAY_MS } = sender;
  const endpoints = new Map(sender.endpoints.map((endpoint) => [endpoint.key, endpoint]));
  const known = senders.get(milepost);
  if (known !== undefined) {
    Object.assign(known, { endpoints, key });
    return;
  }
  const current: Sender = { endpoints, key };
  milepost.pipeline({
    name: DELIVERY_PIPELINE,
    queue: DELIVERY_QUEUE,
    handler: deliverBy(current),
    attempts: ATTEMPTS,
    delayMs,
    maxDelayMs: Math.max(delayMs, LAST_DELAY_MS),
  });
  senders.set(milepost, current);
}

function deliverBy(sender: Sender): Handler {
  return async (item, step) => {
    const endpoint = sender.endpoints.get(item.key);
    if (endpoint === undefined) throw new NoRetryError(`no webhook of this server goes to ${item.key}`);
    const { id, event } = item.input as { readonly id: string; readonly event: Json };
    const body = JSON.stringify(event);
    const headers = signedHeaders(sender.key, { id, nowMs: Date.now(), body });
    const status = await post(endpoint, {
      body,
      headers: { ...headers, "content-type": "application/json", "user-agent": "milepost" },
      signal: AbortSignal.any([step.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    if (status === GONE) throw new NoRetryError(`${endpoint.host} answered 410: it wants no more deliveries`);
    if (status < 200 || status > 299) throw new Error(`${endpoint.host} answered ${status}; expected 2xx`);
    return { status };
  };
}

/** Redirects are not followed: they could lead anywhere. Of the answer only its status counts. */
async function post(endpoint: Endpoint, request: RequestInit): Promise<number> {
  try {
    const answer = await fetch(endpoint.url, { ...request, method: "POST", redirect: "manual" });
    await answer.body?.cancel();
    return answer.status;
  } catch (error) {
    const { name, message, cause } = error as Error & { readonly cause?: { readonly code?: string } };
    const why = name === "TimeoutError" ? `no answer in ${ANSWER_WITHIN_MS / 1_000} s` : (cause?.code ?? message);
    throw new Error(`${endpoint.host} could not be reached: ${why}`);
  }
}

/** The name of a batch's deliveries: one for each end, so that they are made once however many servers notice it. */
function deliveriesNameOf({ id, epoch }: Pick<BatchSnapshot, "id" | "epoch">): string {
  return `${DELIVERY_PIPELINE}:${id}:${epoch}`;
}

/** Makes the deliveries of a batch that has ended, unless they were made before. Durable when it resolves. */
export async function submitDeliveries(
  milepost: Milepost,
  batch: BatchSnapshot,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const name = deliveriesNameOf(batch);
  const isThere = await milepost
    .batch(name)
    .number()
    .then(() => true)
    .catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "NOT_FOUND") return false;
      throw error;
    });
  if (isThere) return;
  const event: WebhookEvent = toWebhookEvent(batch);
  const id = `msg_${batch.id}_${batch.epoch}`;
  await milepost.submit({
    pipeline: DELIVERY_PIPELINE,
    queue: DELIVERY_QUEUE,
    name,
    items: endpoints.map(({ key }) => ({ key, input: { id, event } })),
  });
}
