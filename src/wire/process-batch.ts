import { z } from "zod";
import { PRIORITIES, type PriorityName } from "../core/priority.ts";
import { jsonSchema } from "./json.ts";
import { idSchema } from "./page.ts";

/** More than a body of the largest size can hold. */
const FILE_IDS_MAX = 100_000;
const NAME_CHARACTERS_MAX = 128;

const prioritySchema = z
  .union([z.int().min(-1_000_000).max(1_000_000), z.enum(Object.keys(PRIORITIES) as [PriorityName, ...PriorityName[]])])
  .describe("Lower runs sooner; names: urgent, high, normal, low");

/** A name for people: one line without control characters, nothing that could be taken for an id. */
const nameSchema = z
  .string()
  .min(1)
  .max(NAME_CHARACTERS_MAX)
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]+$/u, "must be one line without control characters")
  .refine((name) => !/^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(name), "must not look like an id");

export const processBatchSchema = z
  .strictObject({
    fileIds: z
      .array(idSchema)
      .min(1)
      .max(FILE_IDS_MAX)
      .describe("Uploads of one's own; one that is given twice is one item"),
    pipeline: z.string().min(1).max(100).optional().describe("Default: the first that takes all of the files"),
    options: z.record(z.string(), jsonSchema).optional().describe("Those of the pipeline: GET /api/pipelines"),
    name: nameSchema.optional().describe("The same name again adds to the same batch"),
    priority: prioritySchema.optional(),
  })
  .meta({ id: "ProcessBatch" });

/** What is to be done with which uploads. */
export type WireProcessBatch = z.infer<typeof processBatchSchema>;

export const batchAcceptedSchema = z
  .object({
    batchId: idSchema,
    verdicts: z
      .array(z.object({ fileId: idSchema, verdict: z.enum(["known", "duplicate"]) }))
      .optional()
      .describe(
        "For each file that the batch had before, and each time that one was given again: it is one item all the same",
      ),
  })
  .meta({ id: "BatchAccepted" });

/** The batch that was made of uploads. */
export type WireBatchAccepted = z.infer<typeof batchAcceptedSchema>;
