import { z } from "zod";
import type { WorkerSnapshot } from "../../engine/remote/remote-session.ts";
import { idSchema } from "../../wire/page.ts";
import { newWorkerSchema, type WireWorker, workerSchema, workersSchema } from "../../wire/worker.ts";
import type { App, ServerContext } from "../context.ts";

export const workerParams = z.object({ workerId: idSchema });
const tags = ["workers"];

/** Workers in any language: their sessions. The operator's alone. */
export function workerRoutes({ milepost, callers }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    const workers = milepost.remoteWorkers();
    callers.keepForOperator(app);

    app.get(
      "/api/workers",
      { schema: { summary: "List the sessions of workers", tags, response: { 200: workersSchema } } },
      async () => ({ workers: (await workers.list()).map(toWireWorker) }),
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

function toWireWorker(worker: WorkerSnapshot): WireWorker {
  const { id, leaseMs, openedAt, silentMs, ...rest } = worker;
  return {
    workerId: id,
    ...rest,
    queues: [...worker.queues],
    pipelines: worker.pipelines === null ? null : [...worker.pipelines],
    leaseSeconds: leaseMs / 1_000,
    openedAt: openedAt.toISOString(),
    silentSeconds: silentMs / 1_000,
  };
}
