import { z } from "zod";
import { emptySchema } from "../../wire/control.ts";
import { idSchema } from "../../wire/page.ts";
import {
  drainedSchema,
  newWorkerSchema,
  toWireWorker,
  workerSchema,
  workersQuerySchema,
  workersSchema,
} from "../../wire/worker.ts";
import type { App, ServerContext } from "../context.ts";

export const workerParams = z.object({ workerId: idSchema });
const tags = ["workers"];

const DRAIN_DESCRIPTION =
  "It claims nothing more from now on, finishes what it runs, and its process ends. 200 once the worker has confirmed it; 202 while it has not. The order stands and cannot be taken back.";

/** Workers in any language: their sessions. The operator's alone. */
export function workerRoutes({ milepost, callers, settings }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    const workers = milepost.remoteWorkers();
    callers.keepForOperator(app);

    app.get(
      "/api/workers",
      {
        schema: {
          summary: "List the sessions of workers",
          tags,
          querystring: workersQuerySchema,
          response: { 200: workersSchema },
        },
      },
      async ({ query }) => ({ workers: (await milepost.workers(query)).map(toWireWorker) }),
    );

    app.post(
      "/api/workers",
      {
        schema: {
          summary: "Open a session for a worker outside the server",
          tags,
          body: newWorkerSchema,
          response: { 201: workerSchema },
        },
      },
      async ({ body: { leaseSeconds, name, concurrency, queues, pipelines } }, reply) => {
        const worker = await workers.open({
          name,
          concurrency,
          leaseMs: leaseSeconds * 1_000,
          ...(queues !== undefined && { queues }),
          ...(pipelines !== undefined && { pipelines }),
        });
        reply.code(201).header("location", `/api/workers/${worker.id}`);
        return toWireWorker(worker);
      },
    );

    app.post(
      "/api/workers/:workerId/drain",
      {
        config: { isBodyOptional: true },
        schema: {
          summary: "Let a worker finish what it runs and leave",
          description: DRAIN_DESCRIPTION,
          tags,
          params: workerParams,
          body: emptySchema,
          response: { 200: drainedSchema, 202: drainedSchema },
        },
      },
      async ({ params }, reply) => {
        const drained = await milepost.drain(params.workerId, { waitMs: settings.limits.haltWaitMs });
        return reply.status(drained.isConfirmed ? 200 : 202).send({ ...drained });
      },
    );

    app.delete(
      "/api/workers/:workerId",
      {
        schema: {
          summary: "Close a session: what it holds goes back to pending",
          tags,
          params: workerParams,
          response: { 204: z.null() },
        },
      },
      async ({ params }, reply) => {
        await workers.close(params.workerId);
        return reply.code(204).send(null);
      },
    );
  };
}
