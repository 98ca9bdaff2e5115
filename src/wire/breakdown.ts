import { z } from "zod";
import { idSchema } from "./page.ts";

const count = z.int().min(0);

export const failuresSchema = z
  .object({
    failures: z.array(
      z.object({
        message: z.string(),
        code: z.string().nullable(),
        items: count,
        example: z.object({ id: idSchema, key: z.string(), name: z.string().describe("What people call it") }),
      }),
    ),
  })
  .meta({
    id: "Failures",
    description: "Failed items grouped by message, the most frequent first, at most 100 groups",
  });

/** Failed items by message, the most frequent first. */
export type WireFailures = z.infer<typeof failuresSchema>;

export const stagesSchema = z
  .object({ stages: z.array(z.object({ stage: z.string(), items: count })) })
  .meta({ id: "Stages", description: "How many items are in each stage now" });

/** How many items are in each stage now. */
export type WireStages = z.infer<typeof stagesSchema>;
