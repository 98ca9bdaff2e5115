import type { FastifyRequest } from "fastify";
import type { Batch } from "../../engine/batch.ts";
import type { Halted } from "../../engine/control.ts";
import { toWireBatch, type WireBatch } from "../../wire/batch.ts";
import { batchControlledSchema, emptySchema, newPrioritySchema, retrySchema } from "../../wire/control.ts";
import type { App, ServerContext } from "../context.ts";
import { batchParams, ownBatch } from "./batches.ts";

/** What a pause or a stop is answered with: 200, or 202 while somebody has not acted on it yet. */
export function toHaltAnswer({ changed, unconfirmed, processing }: Halted): {
  readonly status: 200 | 202;
  readonly body: {
    readonly changed: number;
    readonly outstanding?: { readonly workers: number; readonly processing: number };
  };
} {
  if (unconfirmed.length === 0 && processing === 0) return { status: 200, body: { changed } };
  return { status: 202, body: { changed, outstanding: { workers: unconfirmed.length, processing } } };
}

export const HALT_DESCRIPTION =
  "Answers 200 once every worker has acted on it. Where that takes more than five seconds (`haltWaitMs`) the answer is 202: the order stands, " +
  "and `outstanding` says who has not acted on it yet. The same request again waits again.";

/** Orders to a batch: its owner may give them, and the operator. */
export function batchControlRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    halts(context, app);
    simpleControls(context, app);
    const params = batchParams;
    app.post(
      "/api/batches/:batchId/retry",
      {
        config: { isBodyOptional: true },
        schema: {
          summary: "Try failed and cancelled items again",
          tags: ["batches"],
          params,
          body: retrySchema,
          response: { 200: batchControlledSchema },
        },
      },
      async (request) => {
        const { failed, error } = request.body;
        const options = { failed, ...(error !== undefined && { error }) };
        return control(context, request, request.params.batchId, (batch) => batch.retry(options));
      },
    );
    app.post(
      "/api/batches/:batchId/priority",
      {
        schema: {
          summary: "Change the batch's priority in its queue",
          tags: ["batches"],
          params,
          body: newPrioritySchema,
          response: { 200: batchControlledSchema },
        },
      },
      async (request) => {
        const { priority } = request.body;
        return control(context, request, request.params.batchId, (batch) => batch.setPriority(priority));
      },
    );
  };
}

const SIMPLE = [
  { name: "resume", summary: "Go on with a paused or stopped batch", act: (batch: Batch) => batch.resume() },
  { name: "cancel", summary: "End everything that has not ended as cancelled", act: (batch: Batch) => batch.cancel() },
  { name: "seal", summary: "Close the batch: no more items; it ends when all it has have ended", act: seal },
] as const;

function simpleControls(context: ServerContext, app: App): void {
  for (const { name, summary, act } of SIMPLE) {
    app.post(
      `/api/batches/:batchId/${name}`,
      {
        config: { isBodyOptional: true },
        schema: {
          summary,
          tags: ["batches"],
          params: batchParams,
          body: emptySchema,
          response: { 200: batchControlledSchema },
        },
      },
      (request) => control(context, request, request.params.batchId, act),
    );
  }
}

function halts(context: ServerContext, app: App): void {
  for (const type of ["pause", "stop"] as const) {
    const summary =
      type === "pause"
        ? "Start nothing new; what runs finishes"
        : "Start nothing new; what runs is aborted and goes back";
    app.post(
      `/api/batches/:batchId/${type}`,
      {
        config: { isBodyOptional: true },
        schema: {
          summary,
          description: HALT_DESCRIPTION,
          tags: ["batches"],
          params: batchParams,
          body: emptySchema,
          response: { 200: batchControlledSchema, 202: batchControlledSchema },
        },
      },
      async (request, reply) => {
        const { batch } = await ownBatch(context, request, request.params.batchId);
        const { status, body } = toHaltAnswer(await batch.halt(type, { waitMs: context.settings.limits.haltWaitMs }));
        return reply.status(status).send({ ...body, batch: toWireBatch(await batch.snapshot()) });
      },
    );
  }
}

async function seal(batch: Batch): Promise<number> {
  const { isSealed } = await batch.snapshot();
  if (!isSealed) await batch.seal();
  return isSealed ? 0 : 1;
}

async function control(
  context: ServerContext,
  request: FastifyRequest,
  batchId: string,
  act: (batch: Batch) => Promise<number>,
): Promise<{ changed: number; batch: WireBatch }> {
  const { batch } = await ownBatch(context, request, batchId);
  const changed = await act(batch);
  return { changed, batch: toWireBatch(await batch.snapshot()) };
}
