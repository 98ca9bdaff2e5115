import { z } from "zod";
import { jsonSchema } from "./json.ts";

export const pipelinesSchema = z.object({
  pipelines: z.array(
    z
      .object({
        name: z.string(),
        stages: z.array(z.string()).describe("The steps that an item goes through, in their order"),
        accepts: z.array(z.string()).describe("Types of files, told by content"),
        options: jsonSchema.describe("JSON Schema of the options of process-batch"),
      })
      .meta({ id: "Pipeline" }),
  ),
});

/** What can be done with uploads, and the options of each kind of work. */
export type WirePipelines = z.infer<typeof pipelinesSchema>;
