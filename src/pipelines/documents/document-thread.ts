import { statSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { MilepostError } from "../../core/errors.ts";
import { toItemError } from "../../core/item-error.ts";
import type { Embedder } from "./embed/embedder.ts";
import { loadEmbedder } from "./embed/load-embedder.ts";
import { ingestDocument } from "./ingest-document.ts";
import { LibraryFile } from "./library/library-file.ts";
import type { DocumentLine, DocumentStage, DocumentTask, FromDocumentThread, ToDocumentThread } from "./messages.ts";

/*
 * A thread that takes documents in, one after another: parsers get broken and hostile files, and what they do to memory and time ends
 * with the thread. Its memory is bounded by whoever starts it, its time by whoever waits for it.
 */

let go: (() => void) | null = null;
let open: { readonly file: LibraryFile; readonly ino: number; readonly model: string | null } | null = null;

const line: DocumentLine = {
  stage: (name: DocumentStage, units = undefined) => tell({ type: "stage", name, ...units }),
  units: (done, total) =>
    new Promise((resolve) => {
      go = resolve;
      tell({ type: "units", done, total });
    }),
  cached: () => tell({ type: "cached" }),
};

function tell(message: FromDocumentThread): void {
  parentPort?.postMessage(message);
}

/** The index stays open between two documents; not, if another file has taken its place. */
async function libraryOf({ options }: DocumentTask, embedder: Embedder): Promise<LibraryFile> {
  const { index: path, model } = options;
  const found = statSync(path, { throwIfNoEntry: false });
  if (open !== null && open.file.path === path && open.model === model && open.ino === found?.ino) return open.file;
  open?.file.close();
  open = null;
  const file = await LibraryFile.open(path, { embedder, create: true });
  open = { file, ino: statSync(path).ino, model };
  return file;
}

async function run(task: DocumentTask): Promise<void> {
  try {
    const embedder = await loadEmbedder(task.options.model);
    const file = await libraryOf(task, embedder);
    tell({ type: "done", output: await ingestDocument(task, { line, file, embedder }) });
  } catch (error) {
    const { name, message, code } = toItemError(error);
    // What is wrong with the index or the installation is so for the next attempt too.
    const isFinal = name === "NoRetryError" || (error instanceof MilepostError && !error.retryable);
    tell({ type: "failed", message, code, isFinal });
  }
}

parentPort?.on("message", (message: ToDocumentThread) => {
  if (message.type === "task") void run(message.task);
  else go?.();
});
