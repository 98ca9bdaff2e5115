import { resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import type { NewItem } from "../engine/submit.ts";
import {
  documentsPipeline,
  openLibrary,
  planDocuments,
  toDocumentOptions,
} from "../pipelines/documents/documents-pipeline.ts";
import type { Cli } from "./cli.ts";
import { runFiles } from "./run-files.ts";
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
    check: () => checkIndex(index, options.model),
    items: newItems,
  });
}

/**
 * What is there and cannot take documents in is refused once, and not once for each document. A model is loaded where it is used.
 * @throws {MilepostError} as `openLibrary`
 */
async function checkIndex(index: string, model: string | undefined): Promise<void> {
  if (model !== undefined) return;
  try {
    const library = await openLibrary(index);
    library.close();
  } catch (error) {
    if (!(error instanceof MilepostError && error.code === "NOT_FOUND")) throw error;
  }
}

async function* newItems(files: readonly string[]): AsyncGenerator<NewItem> {
  for await (const { key, input, size, kind } of planDocuments(files)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}
