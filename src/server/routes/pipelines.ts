import { z } from "zod";
import { pipelinesSchema, type WirePipelines } from "../../wire/pipelines.ts";
import type { App, ServerContext } from "../context.ts";

/** What may be sent in, and what may be asked for: the same for everybody. */
export function pipelineRoutes({ facets }: ServerContext): (app: App) => Promise<void> {
  return async (app) => {
    const pipelines: WirePipelines["pipelines"] = facets.map((facet) => ({
      name: facet.pipeline,
      stages: [...facet.stages],
      accepts: [...facet.types],
      options: z.toJSONSchema(facet.options) as WirePipelines["pipelines"][number]["options"],
    }));
    app.get(
      "/api/pipelines",
      {
        schema: {
          summary: "List what can be done with uploads",
          tags: ["uploads"],
          response: { 200: pipelinesSchema },
        },
      },
      async () => ({ pipelines }),
    );
  };
}
