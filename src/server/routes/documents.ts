import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { MilepostError } from "../../core/errors.ts";
import type { DocumentsPlace } from "../../views/documents.ts";
import { StatusManager } from "../../views/status-manager.ts";
import {
  cleanedUpSchema,
  cleanupSchema,
  docIdSchema,
  documentHitsSchema,
  documentQuerySchema,
  documentSchema,
  documentsQuerySchema,
  documentsSchema,
  pageSchema,
  searchQuerySchema,
  toWireDocument,
  type WireDocument,
  type WireDocumentHits,
} from "../../wire/document.ts";
import type { App, ServerContext } from "../context.ts";
import { sealed, unsealed } from "../cursor.ts";
import { sendIfKnown, sendPicture } from "../etag.ts";
import { refusal } from "../problems.ts";

export const documentParams = z.object({ docId: docIdSchema });
const tags = ["documents"];

/** Documents and what is in them: a session knows of its own, the operator of all. */
export function documentRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    listDocuments(context, app);
    cleanUpDocuments(context, app);
    searchDocuments(context, app);
    app.get(
      "/api/documents/:docId",
      {
        schema: {
          summary: "Read where a document stands",
          tags,
          params: documentParams,
          querystring: documentQuerySchema,
          response: { 200: documentSchema, 304: z.null() },
        },
      },
      async (request, reply) => {
        const status = await managerFor(context, request, request.query.owner)?.getStatus(request.params.docId);
        if (status === undefined) throw noSuchDocument();
        const document = toWireDocument(status);
        return sendIfKnown(request, reply, stateOf(document)) ? reply : document;
      },
    );
  };
}

/** The same for a document that is not there and for one of somebody else. */
export function noSuchDocument(): Error {
  return refusal("not-found", "there is no such document");
}

/**
 * Whose documents the caller asks for and may know of: undefined for everybody's, null for nobody's.
 * @throws {Refusal} `session` for anybody but the operator who names an owner
 */
export function documentsOwnerOf(
  { callers }: ServerContext,
  request: FastifyRequest,
  asked: string | undefined,
): string | undefined | null {
  if (asked !== undefined) {
    callers.requireOperator(request);
    return asked;
  }
  const reach = callers.reachOf(request);
  return reach === null ? null : reach.owner;
}

/** The same, where an index is looked into: of one owner, the caller's own if none is named. */
function indexOwnerOf({ callers }: ServerContext, request: FastifyRequest, asked: string | undefined): string | null {
  if (asked === undefined) return callers.ownerOf(request);
  callers.requireOperator(request);
  return asked;
}

/** The documents that the caller asks for and may know of; undefined for nobody, who has none. */
function managerFor(context: ServerContext, request: FastifyRequest, asked?: string): StatusManager | undefined {
  const owner = documentsOwnerOf(context, request, asked);
  if (owner === null) return undefined;
  return new StatusManager(context.milepost, { cleansUp: false, ...(owner !== undefined && { owner }) });
}

/** What makes an answer another one: not the time that passes alone. */
function stateOf({ elapsedTime: _elapsed, estimatedRemaining, ...rest }: WireDocument): readonly unknown[] {
  return [rest, estimatedRemaining === null ? null : Number(estimatedRemaining.toPrecision(2))];
}

function listDocuments(context: ServerContext, app: App): void {
  app.get(
    "/api/documents",
    {
      schema: {
        summary: "List documents, the most recent first",
        description: "The operator sees all, a session its own.",
        tags,
        querystring: documentsQuerySchema,
        response: { 200: documentsSchema },
      },
    },
    async (request) => {
      const { active, owner: asked, cursor, limit } = request.query;
      const owner = documentsOwnerOf(context, request, asked);
      const list = ["documents", owner ?? null, active];
      const from = cursor === undefined ? null : placeIn(cursor, list);
      const manager = managerFor(context, request, asked);
      if (manager === undefined) return { documents: [], nextCursor: null };
      const { documents, next } = await manager.listPage({ isActive: active, limit, from }).catch((error: unknown) => {
        if (!(error instanceof MilepostError && error.code === "NOT_FOUND")) throw error;
        throw refusal("malformed", "what stood where the cursor stands is not there any more; begin again without it");
      });
      return {
        documents: documents.map(toWireDocument),
        nextCursor: next === null ? null : toDocumentsCursor(next, list),
      };
    },
  );
}

/** In a cursor: there is none. */
const NO_ID = "00000000-0000-0000-0000-000000000000";

function toDocumentsCursor({ reported, run }: DocumentsPlace, list: readonly unknown[]): string {
  return sealed([reported ?? NO_ID, run?.batch ?? NO_ID, run?.item ?? NO_ID], list);
}

/** @throws {Refusal} `malformed` for what is no cursor, or one of another list */
function placeIn(cursor: string, list: readonly unknown[]): DocumentsPlace {
  const [reported = NO_ID, batch = NO_ID, item = NO_ID] = unsealed(cursor, list, 3);
  return { reported: reported === NO_ID ? null : reported, run: batch === NO_ID ? null : { batch, item } };
}

function cleanUpDocuments(context: ServerContext, app: App): void {
  app.post(
    "/api/documents/cleanup",
    {
      config: { isBodyOptional: true },
      schema: {
        summary: "Remove the entries of documents that have ended",
        description: "What was stored of them stays in the index and is found as before; active ones stay.",
        tags,
        body: cleanupSchema,
        response: { 200: cleanedUpSchema },
      },
    },
    async (request) => {
      const manager = managerFor(context, request);
      if (manager === undefined)
        throw refusal("session", "this needs a session, which an upload begins, or the operator");
      return { removed: await manager.cleanupOldEntries(request.body.maxAgeSeconds) };
    },
  );
}

function searchDocuments(context: ServerContext, app: App): void {
  const { search } = context;
  app.get(
    "/api/documents/search",
    {
      schema: {
        summary: "Find places in one's own documents",
        description:
          "By the words in a row, by single words (BM25) and by likeness (vectors), fused. Finds what is stored whole, at once. The operator may name another owner.",
        tags,
        querystring: searchQuerySchema,
        response: { 200: documentHitsSchema },
      },
    },
    async (request): Promise<WireDocumentHits> => {
      const { q, owner: asked, limit } = request.query;
      const owner = indexOwnerOf(context, request, asked);
      const places = owner === null ? [] : await search.search(owner, q, limit);
      return {
        hits: places.map(({ document, page, score, snippet, hasThumbnail }) => ({
          docId: document.sha256,
          filename: document.filename,
          title: document.title,
          page,
          score,
          snippet,
          thumbnail: hasThumbnail ? thumbnailPath(document.sha256, page, asked) : null,
        })),
      };
    },
  );
  app.get(
    "/api/documents/:docId/pages/:page/thumbnail",
    {
      schema: {
        summary: "A small picture of a page of one of one's own documents",
        description: "A JPEG of at most 480 pixels a side; PDFs have them, unless they were taken in without.",
        tags,
        params: documentParams.extend({ page: pageSchema }),
        querystring: documentQuerySchema,
        produces: ["image/jpeg"],
      },
    },
    async (request, reply) => {
      const { docId, page } = request.params;
      const owner = indexOwnerOf(context, request, request.query.owner);
      const picture = owner === null ? null : await search.thumbnail(owner, docId, page);
      if (picture === null) throw refusal("not-found", "there is no such picture");
      return sendPicture(request, reply, { type: "image/jpeg", bytes: picture }) as never;
    },
  );
}

function thumbnailPath(docId: string, page: number | null, owner: string | undefined): string {
  const query = owner === undefined ? "" : `?owner=${encodeURIComponent(owner)}`;
  return `/api/documents/${docId}/pages/${page}/thumbnail${query}`;
}
