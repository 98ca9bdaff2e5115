import { z } from "zod";
import { MilepostError } from "../core/errors.ts";
import { timeOfBatchId } from "../core/ids.ts";
import type { ItemSnapshot } from "../core/item.ts";
import { DocumentState, documentProgress, isActive, isDocumentState, REPORTED, STAGE_NAMES } from "./document-state.ts";

const count = z.int().min(0);
const progress = z.number().min(0).max(1);
const metadata = z.record(z.string(), z.json());

/**
 * The status of a document, as every method of `StatusManager` gives it. `documentStatusJsonSchema` is the same for programs
 * that speak JSON.
 * @example
 * documentStatusSchema.parse(await manager.getStatus("report"));
 */
export const documentStatusSchema = z
  .object({
    docId: z.string().min(1).describe("Any text; the pipeline's is the SHA-256 of the content, in hexadecimal"),
    filename: z.string(),
    status: z.enum(DocumentState),
    progress: progress.describe("0 to 1, as the caller or the pipeline gave it; a failed document keeps its last"),
    stage: z.string().describe("The current step, for people"),
    page: count.nullable(),
    totalPages: count.nullable(),
    startedAt: z.date().describe("When it was created; of the pipeline's documents, when the pipeline began with it"),
    updatedAt: z.date(),
    completedAt: z.date().nullable().describe("When it completed or failed"),
    elapsedTime: z.number().min(0).describe("Seconds since startedAt, up to completedAt"),
    estimatedRemaining: z
      .number()
      .min(0)
      .nullable()
      .describe("Seconds at the pace so far; null where nothing can be said or nothing is left"),
    metadata,
    error: z.string().nullable().describe("Why it failed"),
  })
  .meta({ id: "DocumentStatus", description: "Where one document stands" });

/** Where one document stands; its fields are described by `documentStatusSchema`. */
export type DocumentStatus = z.infer<typeof documentStatusSchema>;

/** JSON Schema of a document's status; times are ISO 8601 in UTC. */
export const documentStatusJsonSchema = z.toJSONSchema(documentStatusSchema, {
  unrepresentable: "any",
  override: ({ zodSchema, jsonSchema }) => {
    if (zodSchema._zod.def.type === "date") Object.assign(jsonSchema, { type: "string", format: "date-time" });
  },
});

/** The input of a reported document's item. */
export const documentInputSchema = z.object({
  filename: z.string(),
  metadata,
  createdAt: z.number(),
});

/** What the item of a reported document saves with each report: what the engine has no place of its own for. */
const documentRecordSchema = z.object({
  status: z.enum(DocumentState),
  progress,
  stage: z.string(),
  page: count.nullable(),
  totalPages: count.nullable(),
  updatedAt: z.number(),
  /** What updates added to the metadata. */
  metadata,
  /** Deaths of its holders that the item had seen by then. */
  crashes: count,
});

/** What `documentRecordSchema` describes. */
export type DocumentRecord = z.infer<typeof documentRecordSchema>;

/** An item of the queue as a document. Its `saved` data must have been read with it. */
export function toDocumentStatus(item: ItemSnapshot, nowMs: number): DocumentStatus {
  return item.kind === REPORTED ? reportedStatus(item, nowMs) : pipelineStatus(item, nowMs);
}

/** What was reported last of a document. A new one, or one that an operator retried after it failed, is queued. */
export function recordOf(item: ItemSnapshot): DocumentRecord {
  const { createdAt } = readInput(item);
  const data = item.state === "completed" ? item.output : (item.saved ?? null);
  const record = data === null ? null : parseStored(documentRecordSchema, data, item);
  const isOver = record !== null && !isActive(record.status);
  const isRunning = item.state === "pending" || item.state === "processing";
  if (record !== null && !(isOver && isRunning)) return record;
  return {
    status: "queued",
    progress: 0,
    stage: STAGE_NAMES.queued,
    page: null,
    totalPages: null,
    updatedAt: record?.updatedAt ?? createdAt,
    metadata: record?.metadata ?? {},
    crashes: item.crashes,
  };
}

function reportedStatus(item: ItemSnapshot, nowMs: number): DocumentStatus {
  const input = readInput(item);
  const record = recordOf(item);
  const status = endOf(item) ?? record.status;
  return documentOf(item, nowMs, {
    ...record,
    status,
    filename: input.filename,
    startedAt: input.createdAt,
    updatedAt: item.endedAt?.getTime() ?? record.updatedAt,
    metadata: { ...input.metadata, ...record.metadata },
  });
}

const pipelineInputSchema = z.object({ filename: z.string(), metadata: metadata.default({}) });
/** What the pipeline may save with an item beside its own data, so that a failed document keeps what it had reached. */
const reachedSchema = z.object({ progress, totalPages: count.nullable().default(null) });
/** What the pipeline tells of a document that is in its index. Where the index lies is not for everyone who may see the status. */
const storedSchema = z.object({
  totalPages: count.nullable().default(null),
  numChunks: count.optional(),
  documentId: z.number().optional(),
});

/** A document that the pipeline works on, by its item's state and stage. What it cannot know is left at its default. */
function pipelineStatus(item: ItemSnapshot, nowMs: number): DocumentStatus {
  const input = pipelineInputSchema.safeParse(item.input).data ?? { filename: item.key, metadata: {} };
  const reached = reachedSchema.safeParse(item.saved).data ?? { progress: 0, totalPages: null };
  const { totalPages = null, ...stored } = storedSchema.safeParse(item.output).data ?? {};
  const { stage, message, done, total, unit } = item.progress;
  const running = isDocumentState(stage) && isActive(stage) ? stage : DocumentState.PARSING;
  const status = endOf(item) ?? (item.state === "processing" ? running : DocumentState.QUEUED);
  const isPages = unit === "page";
  const startedAt = item.startedAt?.getTime() ?? timeOfBatchId(item.batchId);
  return documentOf(item, nowMs, {
    filename: input.filename,
    status,
    progress: status === "failed" ? reached.progress : Math.min(1, documentProgress(status, { done, total })),
    stage: message ?? STAGE_NAMES[status],
    page: isPages && done !== null ? Math.floor(done) : totalPages,
    totalPages: isPages && total !== null ? Math.floor(total) : (totalPages ?? reached.totalPages),
    startedAt,
    updatedAt: item.endedAt?.getTime() ?? startedAt,
    metadata: { ...input.metadata, ...metadata.parse(stored) },
  });
}

/** What ended a document, if it has ended: there is no state for one that an operator cancelled but `failed`. */
function endOf({ state }: ItemSnapshot): "completed" | "failed" | null {
  if (state === "completed") return "completed";
  return state === "failed" || state === "cancelled" ? "failed" : null;
}

type Known = Pick<DocumentStatus, "filename" | "status" | "progress" | "stage" | "page" | "totalPages" | "metadata"> & {
  readonly startedAt: number;
  readonly updatedAt: number;
};

function documentOf(item: ItemSnapshot, nowMs: number, known: Known): DocumentStatus {
  const endedMs = isActive(known.status) ? null : (item.endedAt?.getTime() ?? known.updatedAt);
  const elapsedTime = Math.max(0, (endedMs ?? nowMs) - known.startedAt) / 1_000;
  const workedSeconds = item.startedAt === null ? 0 : Math.max(0, nowMs - item.startedAt.getTime()) / 1_000;
  const isPaced = endedMs === null && workedSeconds > 0 && known.progress > 0;
  return parseStored(
    documentStatusSchema,
    {
      docId: item.key,
      filename: known.filename,
      status: known.status,
      progress: known.progress,
      stage: known.stage,
      page: known.page,
      totalPages: known.totalPages,
      startedAt: new Date(known.startedAt),
      updatedAt: new Date(known.updatedAt),
      completedAt: endedMs === null ? null : new Date(endedMs),
      elapsedTime,
      estimatedRemaining: isPaced ? (workedSeconds * (1 - known.progress)) / known.progress : null,
      metadata: known.metadata,
      error: known.status === "failed" ? (item.error?.message ?? item.state) : null,
    },
    item,
  );
}

function readInput(item: ItemSnapshot): z.infer<typeof documentInputSchema> {
  return parseStored(documentInputSchema, item.input, item);
}

function parseStored<T>(schema: z.ZodType<T>, data: unknown, item: ItemSnapshot): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new MilepostError(
    "STORE_CORRUPT",
    `document ${item.key} is not stored as a document's status must be: ${z.prettifyError(parsed.error)}`,
    { details: { item: item.id } },
  );
}
