import { Registry } from "prom-client";
import { z } from "zod";
import type { App, ServerContext } from "../context.ts";
import { countPolls, describeProcess, observeRequests } from "../metrics/http-metrics.ts";
import { WorkMetrics } from "../metrics/work-metrics.ts";

/**
 * Metrics for Prometheus, for the operator's token alone: names of queues and pipelines are nobody else's business, and an
 * address proves nothing behind a proxy. Its hooks see every route, so it is added before them.
 */
export async function addMetrics(app: App, { milepost, callers, polls }: ServerContext): Promise<void> {
  const registry = new Registry();
  const work = new WorkMetrics(milepost, registry);
  observeRequests(app, registry);
  if (polls !== null) countPolls(polls, registry);
  describeProcess(registry);
  app.get(
    "/metrics",
    {
      schema: {
        summary: "Metrics in the text format of Prometheus",
        tags: ["operation"],
        security: [{ operator: [] }],
        response: { 200: { description: "Metrics", content: { "text/plain": { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      callers.requireOperator(request);
      await work.update();
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );
}
