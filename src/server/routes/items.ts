import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { MilepostError } from "../../core/errors.ts";
import type { Batch, ItemsQuery } from "../../engine/batch.ts";
import type { Item } from "../../engine/item.ts";
import { emptySchema, itemControlledSchema, newPrioritySchema, removedSchema } from "../../wire/control.ts";
import {
  itemDetailSchema,
  itemFiltersSchema,
  itemsPageSchema,
  itemsQuerySchema,
  toWireItem,
  toWireItemDetail,
  type WireItem,
} from "../../wire/item.ts";
import { idSchema, PAGE_LIMIT } from "../../wire/page.ts";
import type { App, ServerContext } from "../context.ts";
import { CSV_HEADER, toCsvLine } from "../csv.ts";
import { idFromCursor, toCursor } from "../cursor.ts";
import { sendIfKnown } from "../etag.ts";
import { toldTo } from "../hide-folder.ts";
import { refusal } from "../problems.ts";
import { batchParams, ownBatch } from "./batches.ts";

export const itemParams = batchParams.extend({ itemId: idSchema });
const tags = ["items"];

/** The items of a batch: its owner and the operator see and steer them. */
export function itemRoutes(context: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    listItems(context, app);
    app.get(
      "/api/batches/:batchId/items/:itemId",
      {
        schema: {
          summary: "Read an item with its attempts",
          tags,
          params: itemParams,
          response: { 200: itemDetailSchema },
        },
      },
      async (request) => {
        const item = await ownItem(context, request, request.params);
        const [snapshot, attempts] = await Promise.all([item.snapshot(), item.attempts()]);
        return toWireItemDetail(snapshot, attempts);
      },
    );
    app.delete(
      "/api/batches/:batchId/items/:itemId",
      {
        schema: {
          summary: "Remove an item that does not run",
          tags,
          params: itemParams,
          response: { 200: removedSchema },
        },
      },
      async (request) => ({ changed: await (await ownItem(context, request, request.params)).remove() }),
    );
    controlItems(context, app);
  };
}

function listItems(context: ServerContext, app: App): void {
  app.get(
    "/api/batches/:batchId/items",
    {
      schema: {
        summary: "List items in the order of their submission",
        tags,
        params: batchParams,
        querystring: itemsQuerySchema,
        response: { 200: itemsPageSchema },
      },
    },
    async (request, reply) => {
      const { batch, snapshot } = await ownBatch(context, request, request.params.batchId);
      const { cursor, from, limit, state, stage, error, search } = request.query;
      if (cursor !== undefined && from !== undefined) throw refusal("malformed", "give cursor or from, not both");
      const list = ["items", snapshot.id, state ?? null, stage ?? null, error ?? null, search ?? null];
      const after = cursor === undefined ? undefined : idFromCursor(cursor, list);
      // Whatever changes an item raises the version of its batch.
      if (sendIfKnown(request, reply, [...list, snapshot.version, after ?? null, from ?? null, limit])) return reply;
      const place = { ...(after !== undefined && { after }), ...(from !== undefined && { from }) };
      const page = await batch.items({ ...toItemsQuery(request.query), ...place, limit });
      const answer = { items: page.items.map(toWireItem), nextCursor: toCursor(page.nextCursor, list) };
      return from === undefined ? answer : { ...answer, span: await batch.span() };
    },
  );
  app.get(
    "/api/batches/:batchId/items.csv",
    {
      schema: {
        summary: "All items as a table",
        description: "CSV by RFC 4180; a text that a spreadsheet would run as a formula has ' before it.",
        tags,
        params: batchParams,
        querystring: itemFiltersSchema,
        produces: ["text/csv"],
      },
    },
    async (request, reply) => {
      const { batch, snapshot } = await ownBatch(context, request, request.params.batchId);
      const tell = (text: string): string => toldTo(context, request, text);
      reply
        .type("text/csv; charset=utf-8; header=present")
        .header("content-disposition", `attachment; filename="${snapshot.id}.csv"`)
        .header("cache-control", "no-store");
      return reply.send(Readable.from(csvLines(batch, toItemsQuery(request.query), tell), { objectMode: false }));
    },
  );
}

/** A page of lines at a time, the next one read when the reader has taken the one before. */
async function* csvLines(
  batch: Batch,
  query: ItemsQuery,
  tell: (text: string) => string,
): AsyncGenerator<string, void, undefined> {
  yield CSV_HEADER;
  let after: string | null = null;
  do {
    const page = await batch.items({ ...query, limit: PAGE_LIMIT, ...(after !== null && { after }) });
    yield tell(page.items.map(toCsvLine).join(""));
    after = page.nextCursor;
  } while (after !== null);
}

function toItemsQuery({ state, stage, error, search }: z.infer<typeof itemFiltersSchema>): ItemsQuery {
  return {
    ...(state !== undefined && { state }),
    ...(stage !== undefined && { stage }),
    ...(error !== undefined && { errorMessage: error }),
    ...(search !== undefined && { search }),
  };
}

const CONTROLS = [
  { name: "hold", summary: "Keep a pending item pending until it is unheld", act: (item: Item) => item.hold() },
  { name: "unhold", summary: "Let a held item go on", act: (item: Item) => item.unhold() },
  { name: "cancel", summary: "End an item as cancelled, at once", act: (item: Item) => item.cancel() },
  { name: "retry", summary: "Try a failed or cancelled item again", act: (item: Item) => item.retry() },
] as const;

function controlItems(context: ServerContext, app: App): void {
  const response = { 200: itemControlledSchema };
  for (const { name, summary, act } of CONTROLS) {
    app.post(
      `/api/batches/:batchId/items/:itemId/${name}`,
      {
        config: { isBodyOptional: true },
        schema: { summary, tags, params: itemParams, body: emptySchema, response },
      },
      (request) => control(context, request, request.params, act),
    );
  }
  app.post(
    "/api/batches/:batchId/items/:itemId/priority",
    {
      schema: {
        summary: "Change an item's priority in its batch",
        tags,
        params: itemParams,
        body: newPrioritySchema,
        response,
      },
    },
    async (request) => {
      const { priority } = request.body;
      return control(context, request, request.params, (item) => item.setPriority(priority));
    },
  );
}

async function control(
  context: ServerContext,
  request: FastifyRequest,
  params: z.infer<typeof itemParams>,
  act: (item: Item) => Promise<number>,
): Promise<{ changed: number; item: WireItem }> {
  const item = await ownItem(context, request, params);
  const changed = await act(item);
  const { estimate: _estimate, ...snapshot } = await item.snapshot();
  return { changed, item: toWireItem(snapshot) };
}

/** The item of the path, in a batch that the caller may know of. */
export async function ownItem(
  context: ServerContext,
  request: FastifyRequest,
  { batchId, itemId }: z.infer<typeof itemParams>,
): Promise<Item> {
  const { batch } = await ownBatch(context, request, batchId);
  const item = batch.item(itemId);
  const found = await item.snapshot().catch((error: unknown) => {
    if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
    throw error;
  });
  if (found === null) throw refusal("not-found", "there is no such item");
  return item;
}
