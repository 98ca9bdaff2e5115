import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { Batch } from "../../engine/batch.ts";
import { batchSchema, toWireBatch } from "../../wire/batch.ts";
import { idSchema } from "../../wire/page.ts";
import type { App, ServerContext } from "../context.ts";
import { refusal } from "../problems.ts";

export const batchParams = z.object({ batchId: idSchema });

/** The batch of the path, if the caller may know of it: somebody else's is not found, like one that is not there. */
export async function ownBatch(
  { milepost, callers }: ServerContext,
  request: FastifyRequest,
  batchId: string,
): Promise<{ readonly batch: Batch; readonly snapshot: BatchSnapshot }> {
  const batch = milepost.batch(batchId);
  const snapshot = await batch.snapshot().catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "NOT_FOUND") return null;
    throw error;
  });
  if (snapshot === null || !callers.mayAccess(request, snapshot)) {
    throw refusal("not-found", "there is no such batch");
  }
  return { batch, snapshot };
}

export function batchRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    app.get(
      "/api/batches/:batchId",
      { schema: { summary: "Read a batch", tags: ["batches"], params: batchParams, response: { 200: batchSchema } } },
      async (request) => toWireBatch((await ownBatch(context, request, request.params.batchId)).snapshot),
    );
  };
}
