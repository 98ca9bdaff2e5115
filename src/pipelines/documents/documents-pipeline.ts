import { MilepostError, NoRetryError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import { FRACTION_ONE, fractionOf } from "../../core/progress.ts";
import type { HandlerItem, PipelineDefinition, Step } from "../../engine/pipeline.ts";
import { type DocumentOptions, toDocumentOptions } from "./document-options.ts";
import { type DocumentStep, DocumentThreads, type ThreadLimits } from "./document-threads.ts";
import { hashIn } from "./plan-documents.ts";

export { CHUNK_SIZE, type DocumentOptions, toDocumentOptions } from "./document-options.ts";
export type { DocumentOutput } from "./messages.ts";
export { openLibrary } from "./open-library.ts";
export { type DocumentInput, type PlannedDocument, planDocuments } from "./plan-documents.ts";

/**
 * Shares of a document's progress: parsing 0.1; pages from there to 0.6; chunks to 0.9; storing 0.95, which is at the first of its two steps.
 * `queued` is what a document is before it runs. No document ever enters it as a stage: so the weights stay these, whatever
 * earlier batches took. A document that is being parsed is at 0.1 however many of its pages were read.
 */
const STAGES = [
  { name: "queued", weight: 10 },
  { name: "parsing", weight: Number.MIN_VALUE },
  { name: "embedding_visual", weight: 50 },
  { name: "embedding_text", weight: 30 },
  { name: "storing", weight: 10 },
] as const;

/**
 * A document may take many minutes, and goes on where it was: how often a process was killed around it says little about it. What it
 * does itself to its reader ends a thread, not a process.
 */
const CRASH_BUDGET = 20;

/**
 * The pipeline `documents`: each item is one document, its key the SHA-256 of the content, its input a `DocumentInput`; the batch's options are
 * `DocumentOptions`. `planDocuments` makes such items of files.
 *
 * PDF, DOCX, HTML, Markdown and plain text are read in a thread of their own; pages of PDFs are rendered and embedded, text is cut into chunks
 * and embedded, and all of it is stored in the index in one transaction. The output is a `DocumentOutput`. What is in the index already, made
 * with the same settings, is answered with what is there; with others it is replaced. A document that cannot be taken
 * in fails at once with a code (`INVALID_DOCUMENT`, `ENCRYPTED_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT`, `UNSUPPORTED_DOCUMENT`,
 * `DOCUMENT_CHANGED`, `INPUT_MISSING`) and a reason. After a crash it goes on at the page it had reached.
 */
export function documentsPipeline(parts: { readonly limits?: ThreadLimits } = {}): PipelineDefinition {
  const threads = new DocumentThreads(parts.limits);
  const checked = new WeakMap<object, DocumentOptions>();
  // Where the index lies does not change how long documents take.
  const alike = (options: Json): Json => ({ ...(options as DocumentOptions), index: null });
  return {
    name: "documents",
    stages: STAGES,
    crashBudget: CRASH_BUDGET,
    alike,
    handler: (item, step) => takeIn(item, step, { threads, checked }),
  };
}

interface Parts {
  readonly threads: DocumentThreads;
  /** The options of batches, as their items share them. */
  readonly checked: WeakMap<object, DocumentOptions>;
}

async function takeIn(item: HandlerItem, step: Step, { threads, checked }: Parts): Promise<Json> {
  const options = optionsOf(item.batch.options, checked);
  const { path, filename, metadata } = inputOf(item.input);
  const reached = { stage: "queued", done: 0, total: 0, totalPages: null as number | null };
  const watched: DocumentStep = {
    signal: step.signal,
    stage(name, units = {}) {
      const { total = 0, unit } = units;
      Object.assign(reached, { stage: name, done: 0, total }, unit === "page" ? { totalPages: total } : {});
      step.stage(name, units);
    },
    progress(done, total) {
      Object.assign(reached, { done, total });
      step.progress(done, total);
    },
    cached: () => step.cached(),
    paused: () => step.paused(),
  };
  try {
    return await threads.run({ path, filename, metadata, sha256: hashIn(item.key), options }, watched);
  } catch (error) {
    const { totalPages, ...at } = reached;
    const progress = fractionOf(STAGES, { ...at, unit: null, message: null }) / FRACTION_ONE;
    // A failed document keeps the progress that it had reached; one whose lease is lost has nobody to tell.
    await step.save({ progress, totalPages }).catch(() => {});
    throw error;
  }
}

function inputOf(input: Json): { readonly path: string; readonly filename: string; readonly metadata: Json } {
  if (typeof input === "object" && input !== null && "path" in input && "filename" in input) {
    const { path, filename, metadata } = input;
    if (typeof path === "string" && typeof filename === "string") return { path, filename, metadata: metadata ?? {} };
  }
  throw new NoRetryError("the input of a document must be an object with path, filename and metadata", {
    code: "INVALID_ARGUMENT",
  });
}

/** The options as they were checked at submission; where that was left out, another attempt cannot help. */
function optionsOf(given: Json, checked: Parts["checked"]): DocumentOptions {
  const key = typeof given === "object" && given !== null ? given : {};
  const known = checked.get(key);
  if (known !== undefined) return known;
  try {
    const options = toDocumentOptions(given);
    checked.set(key, options);
    return options;
  } catch (error) {
    if (!(error instanceof MilepostError)) throw error;
    throw new NoRetryError(error.message, { code: error.code, cause: error });
  }
}
