import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { EVENT_ITEMS } from "../../wire/event.ts";
import { idSchema } from "../../wire/page.ts";
import type { App, ServerContext } from "../context.ts";
import { OwnRunning, type Watched } from "../events/overview.ts";
import { refusal } from "../problems.ts";
import { batchParams, noSuchBatch, ownBatch } from "./batches.ts";

/** Batches that one stream of a session, or of the operator by ids, can be about. */
const BATCHES_MAX = 200;
/** As long as the digits of any version that there can be. */
const VERSION = /^\d{1,15}$/;

const cursorSchema = z.string().regex(VERSION, "must be the id of an event").optional();

const followQuery = z.strictObject({
  after: cursorSchema.describe(
    "Go on after the event with this id; a `Last-Event-ID` header, which later than the address, counts more",
  ),
  items: z
    .enum(EVENT_ITEMS)
    .default("changed")
    .describe(
      "`none`: the batch alone; `changed`: items as they change; `all`: first all of them, then as they change",
    ),
});

const surveyQuery = z.strictObject({
  batches: z
    .string()
    .max(BATCHES_MAX * 37)
    .describe(
      "Ids separated by commas, at most 200; or `all` that run: of a session its own, of the operator everybody's",
    ),
});

/** Events that servers send; `docs/http.md` describes them. */
export function eventRoutes(context: ServerContext): (app: App) => Promise<void> {
  const { events } = context;
  return async (app) => {
    // Streams end before the server waits for its connections.
    app.addHook("preClose", () => events.close());

    app.get(
      "/api/batches/:batchId/events",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "Follow a batch: server-sent events",
          description:
            "First `snapshot`, then `changes`, at last `end`. Each `id` is the version that has been told up to; a stream that was cut goes on after it. 204: the batch has ended and all was told.",
          tags: ["events"],
          produces: ["text/event-stream"],
          params: batchParams,
          querystring: followQuery,
          response: {
            200: z.string().describe("`snapshot`, `items`, `changes`, `reset`, `end` and `removed` events"),
            204: z.null(),
          },
        },
      },
      async (request, reply) => {
        const cursor = cursorOf(request, request.query.after);
        const { batch, snapshot } = await ownBatch(context, request, request.params.batchId);
        if (snapshot.endedAt !== null && cursor === snapshot.version) return reply.status(204).send(null);
        const stream = events.open(reply, ownerOf(context, request));
        void events.follow(stream, { batch, snapshot, cursor, items: request.query.items });
        return reply;
      },
    );

    app.get(
      "/api/events",
      {
        exposeHeadRoute: false,
        schema: {
          summary: "Follow many batches: server-sent events",
          description:
            "`snapshot` events until one says `isLast`, then `changes` and `removed`. There are no ids: a stream that was cut begins anew.",
          tags: ["events"],
          produces: ["text/event-stream"],
          querystring: surveyQuery,
          response: { 200: z.string().describe("`snapshot`, `changes` and `removed` events") },
        },
      },
      async (request, reply) => {
        const wanted = idsOf(request.query.batches);
        const ids = wanted === "running" ? null : new Set(await ownOf(context, request, wanted));
        const missing = ids === null ? [] : [...wanted].filter((id) => !ids.has(id));
        const watched = ids ?? runningFor(context, request);
        const stream = events.open(reply, ownerOf(context, request));
        void events.survey(stream, { watched, missing });
        return reply;
      },
    );
  };
}

/** The session that a stream counts for; the operator's count for nobody. */
function ownerOf({ callers }: ServerContext, request: FastifyRequest): string | null {
  const caller = callers.of(request);
  return caller.kind === "session" ? caller.owner : null;
}

/** All that run, as far as the caller may know of them. */
function runningFor({ callers }: ServerContext, request: FastifyRequest): Watched {
  const reach = callers.reachOf(request);
  if (reach?.owner !== undefined) return new OwnRunning(reach.owner);
  callers.requireOperator(request);
  return "running";
}

/** The version that the reader has been told up to; null: it begins. */
function cursorOf(request: FastifyRequest, after: string | undefined): number | null {
  const last = request.headers["last-event-id"];
  if (last === undefined || last === "") return after === undefined ? null : Number(after);
  if (typeof last === "string" && VERSION.test(last)) return Number(last);
  throw refusal("malformed", "Last-Event-ID must be the id of an event, a whole number");
}

function idsOf(list: string): readonly string[] | "running" {
  if (list === "all") return "running";
  const ids = z.array(idSchema).min(1).max(BATCHES_MAX).safeParse(list.split(","));
  if (ids.success) return [...new Set(ids.data)];
  throw refusal("malformed", `batches must be 1 to ${BATCHES_MAX} ids separated by commas, or all`);
}

/** Those of the batches that the caller may know of. Where there is none, that is said as if none were there at all. */
async function ownOf(
  { events, callers }: ServerContext,
  request: FastifyRequest,
  ids: readonly string[],
): Promise<readonly string[]> {
  const reach = callers.reachOf(request);
  const own = reach === null ? [] : await events.within(reach, ids);
  if (own.length === 0) throw noSuchBatch();
  return own;
}
