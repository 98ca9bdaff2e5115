import { z } from "zod";
import { chanceOf } from "../../core/ids.ts";
import { batchStatusAnswerSchema, batchStatusQuerySchema } from "../../wire/batch-status.ts";
import type { App, ServerContext } from "../context.ts";
import { isKnown } from "../etag.ts";
import { codeOf } from "../files/disk.ts";
import { refusal } from "../problems.ts";
import { batchParams, noSuchBatch } from "./batches.ts";

/** Where a batch stands, for whoever asks again and again. */
export function batchStatusRoutes({ answers, callers, polls }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    app.get(
      "/api/batch-status/:batchId",
      {
        schema: {
          summary: "Read where a batch stands",
          description: "Made for polling: current each time, 304 for an `If-None-Match` that still holds.",
          tags: ["uploads"],
          params: batchParams,
          querystring: batchStatusQuerySchema,
          response: { 200: batchStatusAnswerSchema, 304: z.null() },
        },
      },
      async (request, reply) => {
        const { batchId } = request.params;
        const { cursor } = request.query;
        // Told by the ids alone, before anybody hears whether there is such a batch.
        if (cursor !== undefined && chanceOf(cursor) !== chanceOf(batchId)) {
          throw refusal("malformed", "the cursor is not of this list");
        }
        const reach = callers.reachOf(request);
        if (reach === null) throw noSuchBatch();
        const ask = answers.askerFor({ batchId, reach, query: request.query });
        const asked = ask();
        const answer = asked instanceof Promise ? await asked.catch(nullIfMissing) : asked;
        if (answer === null) throw noSuchBatch();
        reply.header("etag", answer.etag).header("cache-control", "private, no-cache");
        if (answer.retryAfter !== null) reply.header("retry-after", answer.retryAfter);
        const hasIt = isKnown(request.headers["if-none-match"], answer.etag);
        if (!hasIt) reply.type("application/json; charset=utf-8");
        polls?.remember(request, reply, { answer, ask, counted: callers.countedAs(request), isKnown: hasIt });
        // With nothing at all: even `null` would be written out.
        return hasIt ? reply.status(304).send(undefined as never) : reply.send(answer.body as never);
      },
    );
  };
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === "NOT_FOUND") return null;
  throw error;
}
