import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { jsonSchema } from "./json.ts";
import { idSchema, timeSchema } from "./page.ts";
import { nameSchema, prioritySchema, textSchema } from "./text.ts";

/** Items in one JSON body at most; more come as NDJSON. */
export const BODY_ITEMS = 100_000;

const keySchema = textSchema(LIMITS.keyBytes);

const describedItemSchema = z.strictObject({
  key: keySchema.describe("Unique inside the batch; the same key again is the same item"),
  input: jsonSchema.exactOptional().describe("What the handler gets, at most 1 MiB of JSON"),
  size: z.int().min(0).exactOptional().describe("What its work grows with: bytes, pages, frames"),
  kind: nameSchema.exactOptional(),
  priority: prioritySchema.exactOptional(),
});

/** An item to submit; a plain text is an item with that key and no input. */
export const newItemSchema = z
  .union([describedItemSchema, keySchema], {
    error: "must be a key (a text) or an object with a key, and nothing else but input, size, kind, priority",
  })
  .meta({ id: "NewItem", description: "An item to submit: a key, or an object with one" });

/** The branch of `newItemSchema` that a value can only be meant for: it says exactly what is wrong with it. */
export function newItemSchemaFor(value: unknown): typeof keySchema | typeof describedItemSchema {
  return typeof value === "string" ? keySchema : describedItemSchema;
}

export type WireNewItem = z.infer<typeof newItemSchema>;

/** How items are tried, tried again and given up; see `Policy`. */
const policyFields = {
  attempts: z.int().min(1).max(1_000).exactOptional().describe("Attempts that may fail before the item fails"),
  delayMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .exactOptional()
    .describe("Wait before the second attempt; doubled for each further"),
  maxDelayMs: z.int().min(0).max(604_800_000).exactOptional().describe("Longest wait between two attempts"),
  timeoutMs: z.int().min(1).max(2_147_483_647).nullable().exactOptional().describe("Time limit of one attempt"),
  crashBudget: z
    .int()
    .min(1)
    .max(1_000)
    .exactOptional()
    .describe("Attempts whose worker may die before the item fails"),
  maxFailures: z
    .int()
    .min(0)
    .nullable()
    .exactOptional()
    .describe("The batch is halted when more items than this failed"),
  maxFailureRatio: z.number().min(0).max(1).nullable().exactOptional().describe("The same as a share of all items"),
  onFailureBudget: z.enum(["stop", "pause"]).exactOptional().describe("How the batch is halted then"),
};

const submissionFields = {
  pipeline: nameSchema.describe("What kind of work it is"),
  name: nameSchema.exactOptional().describe("Unique for its owner; the same name again adds to the same batch"),
  queue: nameSchema.exactOptional().describe("Default: the pipeline's"),
  priority: prioritySchema.exactOptional(),
  options: jsonSchema.exactOptional().describe("For every item of the batch, at most 256 KiB of JSON"),
  startAt: timeSchema.exactOptional().describe("Nothing of the batch starts before"),
  seal: z
    .boolean()
    .default(true)
    .describe("False leaves the batch open for more items; it ends only after it is sealed"),
  ...policyFields,
};

const itemsSchema = z.array(newItemSchema).min(1).max(BODY_ITEMS);

export const submissionSchema = z
  .strictObject({ ...submissionFields, items: itemsSchema })
  .meta({ id: "Submission", description: "A batch to create, or to add to where the name is known" });

/** A submission without its items. */
export const submissionFieldsSchema = z.strictObject(submissionFields);
export type SubmissionFields = z.infer<typeof submissionFieldsSchema>;

const flagSchema = z.enum(["true", "false"]).transform((text) => text === "true");
const wholeSchema = z
  .string()
  .regex(/^-?\d{1,16}$/)
  .transform(Number);

/** The same as query parameters, for a body that is NDJSON: numbers in digits, `options` as JSON. */
export const submissionQuerySchema = z.strictObject({
  pipeline: z.string().optional(),
  name: z.string().optional(),
  queue: z.string().optional(),
  priority: z.union([wholeSchema, z.string()]).optional(),
  options: z.string().optional(),
  startAt: z.string().optional(),
  seal: flagSchema.optional(),
  attempts: wholeSchema.optional(),
  delayMs: wholeSchema.optional(),
  maxDelayMs: wholeSchema.optional(),
  timeoutMs: wholeSchema.optional(),
  crashBudget: wholeSchema.optional(),
  maxFailures: wholeSchema.optional(),
  maxFailureRatio: z
    .string()
    .regex(/^\d{1,10}(\.\d{1,10})?$/)
    .transform(Number)
    .optional(),
  onFailureBudget: z.string().optional(),
});

export const additionSchema = z
  .strictObject({
    items: itemsSchema,
    seal: z.boolean().optional().describe("Default: as the batch is"),
  })
  .meta({ id: "Addition", description: "Items to add to a batch" });

/** The same for a body that is NDJSON. */
export const additionQuerySchema = z.strictObject({ seal: flagSchema.optional() });

const count = z.int().min(0);

export const submittedSchema = z
  .object({
    batchId: idSchema,
    added: count.describe("Items that are new"),
    known: count.describe("Items that the batch had before; they keep their state"),
    duplicate: count.describe("Items whose key came earlier in this request"),
    verdicts: z
      .array(z.object({ key: z.string(), verdict: z.enum(["known", "duplicate"]) }))
      .describe(`The items that were not added, in order; the first ${LIMITS.verdicts.toLocaleString("en")}`),
  })
  .meta({ id: "Submitted", description: "What became of the items of a submission" });

/** What became of a submission and its items. */
export type WireSubmitted = z.infer<typeof submittedSchema>;
