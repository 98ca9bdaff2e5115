import { basename, resolve } from "node:path";
import type { NewItem } from "../engine/submit.ts";
import { documentsPipeline, planDocuments, toDocumentOptions } from "../pipelines/documents/documents-pipeline.ts";
import { batchNameFrom } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectFiles } from "./collect-files.ts";
import { Interrupt } from "./interrupt.ts";
import { submitBatch, workOn } from "./run-batch.ts";
import { declareThen, endRun, planThen } from "./run-then.ts";
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

/**
 * Submits the documents as a batch, or finds the batch that the same command made before, and works on it until it has ended
 * or a signal comes. Everything that can be wrong with the call is found before anything is submitted.
 */
export async function runDocuments(cli: Cli, names: readonly string[], options: RunDocumentsOptions): Promise<void> {
  const index = resolve(cli.io.cwd, options.index);
  const documentOptions = toDocumentOptions({
    index,
    chunkSize: options.chunk,
    overlap: options.overlap,
    visual: options.visual,
    model: options.model === undefined ? null : resolve(cli.io.cwd, options.model),
  });
  const then = planThen(cli, { command: options.then, out: index });
  const files = await collectFiles(cli, {
    names,
    fromFile: options.fromFile,
    isNul: options.null === true,
    isSkipMissing: options.skipMissing === true,
    out: index,
    extensions: DOCUMENT_EXTENSIONS,
    what: "documents",
  });
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    milepost.pipeline(documentsPipeline());
    declareThen(milepost, cli, then);
    const run = { cli, milepost, interrupt, options };
    const name = options.name ?? batchNameFrom("documents", basename(index), documentOptions);
    const batch = await submitBatch(run, {
      pipeline: "documents",
      name,
      batchOptions: documentOptions,
      items: () => newItems(files),
    });
    const result = await workOn(run, batch);
    await endRun(run, { batch, name, result, out: index, then });
  });
}

async function* newItems(files: readonly string[]): AsyncGenerator<NewItem> {
  for await (const { key, input, size, kind } of planDocuments(files)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}
