import type { Json } from "../../core/json.ts";
import { KARAOKE } from "../../pipelines/karaoke/karaoke-pipeline.ts";
import { previewQuerySchema } from "../../wire/item.ts";
import type { App, ServerContext } from "../context.ts";
import { sendPicture } from "../etag.ts";
import { refusal } from "../problems.ts";
import { ownBatch } from "./batches.ts";
import { itemParams, ownItem } from "./items.ts";

/** The longer side of a picture, in pixels. */
const SIDE_MAX = 640;

/** What an export looks like at a frame, whether it waits, runs or has ended. */
export function previewRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { callers, previews } = context;
  return async (app) => {
    app.get(
      "/api/batches/:batchId/items/:itemId/preview",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "A picture of a frame of a karaoke export",
          description: `The frame that it has reached, or the one of a time. A PNG of at most ${SIDE_MAX} pixels a side, drawn anew from the project. 409 with the reason where nothing can be drawn.`,
          tags: ["outputs"],
          params: itemParams,
          querystring: previewQuerySchema,
          produces: ["image/png"],
        },
      },
      async (request, reply) => {
        const { batchId, itemId } = request.params;
        const { snapshot: batch } = await ownBatch(context, request, batchId);
        const item = await (await ownItem(context, request, request.params)).snapshot();
        if (batch.pipeline !== KARAOKE) throw refusal("not-found", "only karaoke exports have such pictures");
        const caller = callers.of(request);
        const { at } = request.query;
        const place = at === undefined ? { frame: Math.max(0, (item.progress.done ?? 0) - 1) } : { ms: at * 1_000 };
        const isConfined = caller.kind !== "operator";
        const answer = await previews.ask({
          owner: caller.kind === "session" ? caller.owner : "",
          key: JSON.stringify([itemId, isConfined, place]),
          question: { input: item.input, options: batch.options as Json, isConfined, at: place, sideMax: SIDE_MAX },
          isWanted: () => !request.raw.socket.destroyed,
        });
        if (!answer.ok) throw refusal("conflict", `there is no picture of it: ${answer.reason}`);
        const { picture } = answer;
        return sendPicture(request, reply, { type: "image/png", bytes: picture }) as never;
      },
    );
  };
}
