import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import type { Batch } from "../engine/batch.ts";
import type { NewItem } from "../engine/submit.ts";
import { escapeText } from "../format/escape.ts";
import { formatPlural } from "../format/number.ts";
import {
  documentsPipeline,
  openLibrary,
  planDocuments,
  toDocumentOptions,
} from "../pipelines/documents/documents-pipeline.ts";
import type { Cli } from "./cli.ts";
import { runFiles } from "./run-files.ts";
import { titleOf } from "./screen/describe.ts";
import type { RunDocumentsOptions } from "./verbs/run-documents.ts";

/** What is taken from a folder as a document. Files named one by one may have any name: their content decides. */
const DOCUMENT_EXTENSIONS: ReadonlySet<string> = new Set([
  ".pdf",
  ".docx",
  ".html",
  ".htm",
  ".md",
  ".markdown",
  ".txt",
]);

/** Reads the documents that are named into an index. */
export function runDocuments(cli: Cli, names: readonly string[], options: RunDocumentsOptions): Promise<void> {
  const index = resolve(cli.io.cwd, options.index);
  let isThere = true;
  return runFiles(cli, {
    names,
    options,
    pipeline: documentsPipeline(),
    batchOptions: toDocumentOptions({
      index,
      chunkSize: options.chunk,
      overlap: options.overlap,
      visual: options.visual,
      model: options.model === undefined ? null : resolve(cli.io.cwd, options.model),
    }),
    extensions: DOCUMENT_EXTENSIONS,
    what: "documents",
    out: index,
    check: async () => {
      isThere = await hasIndex(index, options.model);
    },
    items: async function* (files, known) {
      if (known !== null && !isThere) await assertNoneStored(cli, { batch: known, index, options });
      yield* newItems(files);
    },
  });
}

/**
 * Whether there is an index. What is there and cannot take documents in is refused once, and not once for each document. A model is
 * loaded where it is used.
 * @throws {MilepostError} as `openLibrary`
 */
async function hasIndex(index: string, model: string | undefined): Promise<boolean> {
  if (model !== undefined) return existsSync(index);
  try {
    const library = await openLibrary(index);
    library.close();
    return true;
  } catch (error) {
    if (error instanceof MilepostError && error.code === "NOT_FOUND") return false;
    throw error;
  }
}

/**
 * A batch whose index was deleted would never store again what it has stored.
 * @throws {MilepostError} `CONFLICT`, saying how to begin anew
 */
async function assertNoneStored(
  cli: Cli,
  { batch, index, options }: { readonly batch: Batch; readonly index: string; readonly options: RunDocumentsOptions },
): Promise<void> {
  const snapshot = await batch.snapshot();
  if (snapshot.counts.completed === 0) return;
  const title = titleOf(snapshot);
  throw new MilepostError(
    "CONFLICT",
    `the index ${index} is gone, and batch ${escapeText(title)} has stored ${formatPlural(snapshot.counts.completed, "document")} in it. To store all of them again, delete the record of the batch first: ${cli.hint(options, "remove", title)}`,
  );
}

async function* newItems(files: readonly string[]): AsyncGenerator<NewItem> {
  for await (const { key, input, size, kind } of planDocuments(files)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}
