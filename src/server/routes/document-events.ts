import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { documentQuerySchema, documentsEventsQuerySchema } from "../../wire/document.ts";
import type { App, ServerContext } from "../context.ts";
import { type DocumentCursor, documentCursorFrom } from "../events/document-feed.ts";
import { refusal } from "../problems.ts";
import { documentParams, documentsOwnerOf, noSuchDocument } from "./documents.ts";

const CURSOR_CHARACTERS_MAX = 60;

const followQuery = documentQuerySchema.extend({
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
  const { events } = context;
  return async (app) => {
    app.get(
      "/api/documents/events",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "Follow all documents: server-sent events",
          description:
            "`snapshot` events until one says `isLast`: the documents under way and the most recent. Then `changes` and `removed`, and a snapshot anew where documents went with their batch. There are no ids: a stream that was cut begins anew. A session hears of its own, the operator of everybody's.",
          tags: ["documents"],
          produces: ["text/event-stream"],
          querystring: documentsEventsQuerySchema,
          response: { 200: z.string().describe("`snapshot`, `changes` and `removed` events") },
        },
      },
      async (request, reply) => {
        const owner = documentsOwnerOf(context, request, request.query.owner);
        if (owner === null) throw refusal("session", "this needs a session, which an upload begins, or the operator");
        events.allDocuments.admit(events.open(reply, sessionOf(context, request)), {
          owner,
          limit: request.query.limit,
        });
        return reply;
      },
    );
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
        const owner = documentsOwnerOf(context, request, request.query.owner);
        const item = owner === null ? undefined : await events.documents.find(owner, docId);
        if (owner === null || item === undefined) throw noSuchDocument();
        const isTold = cursor !== null && cursor.itemId === item.id && cursor.version === item.version;
        if (item.endedAt !== null && isTold) return reply.status(204).send(null);
        const stream = events.open(reply, sessionOf(context, request));
        events.followDocument(stream, { owner, docId, item, cursor });
        return reply;
      },
    );
  };
}

/** The session that a stream counts for; the operator's count for nobody. */
function sessionOf({ callers }: ServerContext, request: FastifyRequest): string | null {
  const caller = callers.of(request);
  return caller.kind === "session" ? caller.owner : null;
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
