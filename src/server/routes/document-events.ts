import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { App, ServerContext } from "../context.ts";
import { type DocumentCursor, documentCursorFrom } from "../events/document-feed.ts";
import { refusal } from "../problems.ts";
import { documentParams, documentsOwnerOf, noSuchDocument } from "./documents.ts";

const CURSOR_CHARACTERS_MAX = 60;

const followQuery = z.strictObject({
  after: z
    .string()
    .max(CURSOR_CHARACTERS_MAX)
    .optional()
    .describe(
      "Go on after the event with this id; a `Last-Event-ID` header, which later than the address, counts more",
    ),
});

/** Events of documents. */
export function documentEventRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { events, callers } = context;
  return async (app) => {
    app.get(
      "/api/documents/:docId/events",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "Follow a document: server-sent events",
          description:
            "First `snapshot`, then `changes`, at last `end`. A stream that was cut goes on after the `id` of its last event. 204: the document has ended and that was told.",
          tags: ["documents"],
          produces: ["text/event-stream"],
          params: documentParams,
          querystring: followQuery,
          response: {
            200: z.string().describe("`snapshot`, `changes`, `reset`, `end` and `removed` events"),
            204: z.null(),
          },
        },
      },
      async (request, reply) => {
        const { docId } = request.params;
        const cursor = cursorOf(request, request.query.after);
        const owner = documentsOwnerOf(context, request);
        const item = owner === null ? undefined : await events.documents.find(owner, docId);
        if (owner === null || item === undefined) throw noSuchDocument();
        const isTold = cursor !== null && cursor.itemId === item.id && cursor.version === item.version;
        if (item.endedAt !== null && isTold) return reply.status(204).send(null);
        const caller = callers.of(request);
        const stream = events.open(reply, caller.kind === "session" ? caller.owner : null);
        events.followDocument(stream, { owner, docId, item, cursor });
        return reply;
      },
    );
  };
}

/** Up to where the reader has been told; null: it begins. */
function cursorOf(request: FastifyRequest, after: string | undefined): DocumentCursor | null {
  const last = request.headers["last-event-id"] ?? "";
  const text = last === "" ? after : last;
  if (text === undefined) return null;
  const cursor = typeof text === "string" ? documentCursorFrom(text) : null;
  if (cursor !== null) return cursor;
  throw refusal("malformed", "Last-Event-ID, or after, must be the id of an event of a document");
}
