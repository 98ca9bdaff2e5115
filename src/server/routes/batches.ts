import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { BatchSnapshot } from "../../core/batch.ts";
import { MilepostError } from "../../core/errors.ts";
import type { Batch } from "../../engine/batch.ts";
import { DOCUMENTS_QUEUE } from "../../views/documents.ts";
import { batchesPageSchema, batchesQuerySchema, batchSchema, toWireBatch } from "../../wire/batch.ts";
import { failuresSchema, stagesSchema } from "../../wire/breakdown.ts";
import { removedSchema } from "../../wire/control.ts";
import { idSchema } from "../../wire/page.ts";
import type { App, ServerContext } from "../context.ts";
import { idFromCursor, toCursor } from "../cursor.ts";
import { batchState, sendIfKnown } from "../etag.ts";
import { refusal } from "../problems.ts";

export const batchParams = z.object({ batchId: idSchema });

/** The same for a batch that is not there and for one of somebody else. */
export function noSuchBatch(): Error {
  return refusal("not-found", "there is no such batch");
}

/** The batch of the path, if the caller may know of it: somebody else's is not found, like one that is not there. */
export async function ownBatch(
  { milepost, callers }: ServerContext,
  request: FastifyRequest,
  batchId: string,
): Promise<{ readonly batch: Batch; readonly snapshot: BatchSnapshot }> {
  const reach = callers.reachOf(request);
  if (reach === null) throw noSuchBatch();
  const batch = milepost.batch(batchId, reach);
  const snapshot = await batch.snapshot().catch((error: unknown) => {
    if (error instanceof MilepostError && error.code === "NOT_FOUND") throw noSuchBatch();
    throw error;
  });
  return { batch, snapshot };
}

export function batchRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    listBatches(context, app);
    app.get(
      "/api/batches/:batchId",
      { schema: { summary: "Read a batch", tags: ["batches"], params: batchParams, response: { 200: batchSchema } } },
      async (request, reply) => {
        const batch = toWireBatch((await ownBatch(context, request, request.params.batchId)).snapshot);
        return sendIfKnown(request, reply, batchState(batch)) ? reply : batch;
      },
    );
    app.delete(
      "/api/batches/:batchId",
      {
        schema: {
          summary: "Remove a batch that does not run, with its items and files",
          tags: ["batches"],
          params: batchParams,
          response: { 200: removedSchema },
        },
      },
      async (request) => {
        const { batch, snapshot } = await ownBatch(context, request, request.params.batchId);
        const changed = await batch.remove();
        await rm(join(context.settings.files, "batches", snapshot.id), { recursive: true, force: true });
        if (snapshot.queue === DOCUMENTS_QUEUE) await context.files.indexes.tidy(snapshot.owner);
        return { changed };
      },
    );
    app.get(
      "/api/batches/:batchId/failures",
      {
        schema: {
          summary: "Why items failed, grouped by message",
          tags: ["batches"],
          params: batchParams,
          response: { 200: failuresSchema },
        },
      },
      async (request) => {
        const { batch } = await ownBatch(context, request, request.params.batchId);
        return { failures: (await batch.failures()).map((group) => ({ ...group, example: { ...group.example } })) };
      },
    );
    app.get(
      "/api/batches/:batchId/stages",
      {
        schema: {
          summary: "How many items are in each stage",
          tags: ["batches"],
          params: batchParams,
          response: { 200: stagesSchema },
        },
      },
      async (request) => {
        const { batch } = await ownBatch(context, request, request.params.batchId);
        return { stages: (await batch.stages()).map((stage) => ({ ...stage })) };
      },
    );
  };
}

function listBatches({ milepost, callers }: ServerContext, app: App): void {
  app.get(
    "/api/batches",
    {
      schema: {
        summary: "List batches, the newest first",
        description: "The operator sees all, a session its own.",
        tags: ["batches"],
        querystring: batchesQuerySchema,
        response: { 200: batchesPageSchema },
      },
    },
    async (request) => {
      const { cursor, limit, status, queue, owner: asked, ended, count } = request.query;
      if (asked !== undefined) callers.requireOperator(request);
      const reach = callers.reachOf(request);
      if (reach === null) return { batches: [], nextCursor: null, ...(count && { total: 0 }) };
      const { owner = asked } = reach;
      const list = ["batches", owner ?? null, queue ?? null, status ?? null, ended ?? null];
      const filter = {
        ...(owner !== undefined && { owner }),
        ...(queue !== undefined && { queue }),
        ...(status !== undefined && { statuses: status }),
        ...(ended !== undefined && { isEnded: ended }),
      };
      const { batches, nextCursor } = await milepost
        .batches({
          limit,
          ...filter,
          ...(cursor !== undefined && { after: idFromCursor(cursor, list) }),
        })
        .catch((error: unknown) => {
          if (!(error instanceof MilepostError && error.code === "NOT_FOUND")) throw error;
          throw refusal("malformed", "the batch where the cursor stands is not there any more; begin again without it");
        });
      return {
        batches: batches.map(toWireBatch),
        nextCursor: toCursor(nextCursor, list),
        ...(count && { total: await milepost.countBatches(filter) }),
      };
    },
  );
}
