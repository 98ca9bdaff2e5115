import { emptySchema, queueControlledSchema } from "../../wire/control.ts";
import { concurrencySchema, queueParamsSchema as params, queueSchema, queuesSchema } from "../../wire/queue.ts";
import type { App, ServerContext } from "../context.ts";
import { HALT_DESCRIPTION, toHaltAnswer } from "./batch-controls.ts";

const tags = ["queues"];

/** Queues hold the work of many: only the operator sees and steers them. */
export function queueRoutes({ milepost, callers, settings }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    callers.keepForOperator(app);
    app.get("/api/queues", { schema: { summary: "List queues", tags, response: { 200: queuesSchema } } }, async () => ({
      queues: (await milepost.queues()).map((queue) => ({ ...queue })),
    }));
    app.get(
      "/api/queues/:queue",
      { schema: { summary: "Read a queue", tags, params, response: { 200: queueSchema } } },
      async (request) => ({ ...(await milepost.queue(request.params.queue).snapshot()) }),
    );
    for (const type of ["pause", "stop"] as const) {
      const summary = `${type === "pause" ? "Pause" : "Stop"} all batches of a queue, those to come too`;
      const response = { 200: queueControlledSchema, 202: queueControlledSchema };
      app.post(
        `/api/queues/:queue/${type}`,
        {
          config: { isBodyOptional: true },
          schema: { summary, description: HALT_DESCRIPTION, tags, params, body: emptySchema, response },
        },
        async (request, reply) => {
          const queue = milepost.queue(request.params.queue);
          const { status, body } = toHaltAnswer(await queue.halt(type, { waitMs: settings.limits.haltWaitMs }));
          return reply.status(status).send({ ...body, queue: await queue.snapshot() });
        },
      );
    }
    for (const type of ["resume", "clear"] as const) {
      const summary = type === "resume" ? "Go on with a queue" : "Cancel every batch of a queue that has not ended";
      const response = { 200: queueControlledSchema };
      app.post(
        `/api/queues/:queue/${type}`,
        { config: { isBodyOptional: true }, schema: { summary, tags, params, body: emptySchema, response } },
        async (request) => {
          const queue = milepost.queue(request.params.queue);
          const changed = await (type === "resume" ? queue.resume() : queue.cancel());
          return { changed, queue: { ...(await queue.snapshot()) } };
        },
      );
    }
    app.post(
      "/api/queues/:queue/concurrency",
      {
        schema: {
          summary: "Limit how many items of a queue may run at once",
          tags,
          params,
          body: concurrencySchema,
          response: { 200: queueControlledSchema },
        },
      },
      async (request) => {
        const queue = milepost.queue(request.params.queue);
        const changed = await queue.setConcurrency(request.body.concurrency);
        return { changed, queue: { ...(await queue.snapshot()) } };
      },
    );
  };
}
