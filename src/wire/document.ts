import { z } from "zod";
import { LIMITS } from "../core/limits.ts";
import { jsonSchema } from "./json.ts";
import { cursorSchema, idSchema, limitSchema, nextCursorSchema, ownerSchema, timeSchema, toWireTime } from "./page.ts";
import { textSchema } from "./text.ts";

/** States of a document, in the order in which it goes through them. */
export const DOCUMENT_STATUSES = [
  "queued",
  "parsing",
  "embedding_visual",
  "embedding_text",
  "storing",
  "completed",
  "failed",
] as const;

const QUERY_CHARACTERS_MAX = 2_000;
const HITS_MAX = 100;
const PAGE_MAX = 1_000_000;
const YEARS_100_S = 3_155_760_000;

export const docIdSchema = textSchema(LIMITS.keyBytes).describe("Of uploads: the SHA-256 of the content");

export const documentSchema = z
  .object({
    docId: z.string().describe("Of uploads: the SHA-256 of the content, in hexadecimal"),
    filename: z.string(),
    status: z.enum(DOCUMENT_STATUSES),
    progress: z.number().describe("0 to 1; a failed document keeps its last"),
    stage: z.string().describe("The current step, for people"),
    page: z.int().nullable(),
    totalPages: z.int().nullable(),
    startedAt: timeSchema,
    updatedAt: timeSchema,
    completedAt: timeSchema.nullable().describe("When it completed or failed"),
    elapsedTime: z.number().describe("Seconds since startedAt, up to completedAt"),
    estimatedRemaining: z
      .number()
      .nullable()
      .describe("Seconds at the pace so far; null: not known, or nothing is left"),
    metadata: z.record(z.string(), jsonSchema),
    error: z.string().nullable().describe("Why it failed"),
  })
  .meta({ id: "Document", description: "Where one document stands" });

/** Where a document stands: times in ISO 8601 UTC. */
export type WireDocument = z.infer<typeof documentSchema>;

export const documentsSchema = z
  .object({ documents: z.array(documentSchema), nextCursor: nextCursorSchema })
  .meta({ id: "Documents", description: "The most recent first" });

/** Some documents, the most recent first, and where the next page begins. */
export type WireDocuments = z.infer<typeof documentsSchema>;

export const documentsQuerySchema = z.strictObject({
  active: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .default(false)
    .describe("Only documents that have not ended"),
  owner: ownerSchema,
  cursor: cursorSchema,
  limit: limitSchema,
});

/** Of routes about one document. */
export const documentQuerySchema = z.strictObject({ owner: ownerSchema });

export const documentsEventsQuerySchema = z.strictObject({
  owner: ownerSchema,
  limit: limitSchema.describe("So many of those under way and of the most recent come first, 1 to 1,000"),
});

/** The answer to documents that were sent in to be stored. */
export const documentsAcceptedSchema = z
  .object({
    batchId: idSchema,
    documents: z
      .array(
        z.object({
          docId: z.string(),
          filename: z.string(),
          verdict: z.enum(["added", "duplicate"]).describe("`duplicate`: one before it has the same content"),
        }),
      )
      .describe("In the order of the form"),
  })
  .meta({ id: "DocumentsAccepted" });

/** Documents that were taken in, by their ids. */
export type WireDocumentsAccepted = z.infer<typeof documentsAcceptedSchema>;

export const cleanupSchema = z
  .strictObject({
    maxAgeSeconds: z.number().min(0).max(YEARS_100_S).optional().describe("Of what ended longer ago; default 3,600"),
  })
  .meta({ id: "DocumentCleanup" });

export const cleanedUpSchema = z
  .object({ removed: z.int().min(0).describe("Entries that were removed") })
  .meta({ id: "DocumentsCleanedUp" });

export const searchQuerySchema = z.strictObject({
  q: z.string().max(QUERY_CHARACTERS_MAX).describe("Any text; it has no operators"),
  owner: ownerSchema,
  limit: z.coerce.number().int().min(1).max(HITS_MAX).default(10).describe("Places, 1 to 100"),
});

export const documentHitSchema = z
  .object({
    docId: z.string(),
    filename: z.string(),
    title: z.string().nullable(),
    page: z.int().nullable().describe("Counted from 1; null where the format has no pages"),
    score: z.number().describe("Only to compare the hits of one search"),
    snippet: z.string().describe("Text of the document as it stands there: escape it where you show it"),
    thumbnail: z.string().nullable().describe("Where a small picture of the page is"),
  })
  .meta({ id: "DocumentHit" });

export const documentHitsSchema = z
  .object({ hits: z.array(documentHitSchema) })
  .meta({ id: "DocumentHits", description: "The best first, at most one for each page" });

/** Places in documents that answer a query, the best first. */
export type WireDocumentHits = z.infer<typeof documentHitsSchema>;

export const pageSchema = z.coerce.number().int().min(1).max(PAGE_MAX);

/** The events of one document by name, each with the schema of its data. */
export const documentEventSchemas = {
  /** First, unless the stream resumes. */
  snapshot: z.object({ document: documentSchema }),
  /** The document now, as often as it changes. */
  changes: z.object({ document: documentSchema }),
  /** There is no way on from the cursor: a snapshot follows. */
  reset: z.object({ reason: z.enum(["cursor"]) }),
  /** The document has ended and so does the stream. */
  end: z.object({ document: documentSchema }),
  /** The document is not there any more. */
  removed: z.object({ docId: z.string() }),
} as const;

/** The events of all documents by name. None has an id: a stream that was cut begins anew. */
export const documentsEventSchemas = {
  /** The documents under way and the most recent, in pages: with the first, all that is known is to be forgotten; the last has none. */
  snapshot: z.object({ documents: z.array(documentSchema), isFirst: z.boolean(), isLast: z.boolean() }),
  /** Documents that came or changed, each as it is now. */
  changes: z.object({ documents: z.array(documentSchema) }),
  /** Documents that are not there any more. */
  removed: z.object({ docIds: z.array(z.string()) }),
} as const;

type DataOf<Schemas extends Record<string, z.ZodType>> = { readonly [Name in keyof Schemas]: z.infer<Schemas[Name]> };
export type DocumentEvents = DataOf<typeof documentEventSchemas>;
export type DocumentsEvents = DataOf<typeof documentsEventSchemas>;

type Times = "startedAt" | "updatedAt" | "completedAt" | "metadata";

/** A document's status as it is in code. */
export type DocumentFacts = Readonly<Omit<WireDocument, Times>> & {
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly completedAt: Date | null;
  readonly metadata: WireDocument["metadata"];
};

/** A document as every answer and event of the API shows it. */
export function toWireDocument(document: DocumentFacts): WireDocument {
  return {
    ...document,
    startedAt: document.startedAt.toISOString(),
    updatedAt: document.updatedAt.toISOString(),
    completedAt: toWireTime(document.completedAt),
  };
}
