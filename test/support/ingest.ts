import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../src/core/json.ts";
import type { Step } from "../../src/engine/pipeline.ts";
import type { BatchSnapshot, ItemSnapshot, Milepost, NewItem } from "../../src/index.ts";
import type { ThreadLimits } from "../../src/pipelines/documents/document-threads.ts";
import {
  documentsPipeline,
  planDocuments,
  toDocumentOptions,
} from "../../src/pipelines/documents/documents-pipeline.ts";
import { openForTest } from "./open-for-test.ts";

/** Writes files into a folder; returns their paths. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): readonly string[] {
  return Object.entries(files).map(([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  });
}

export interface Ingested {
  readonly batch: BatchSnapshot;
  readonly items: readonly ItemSnapshot[];
}

/** Takes files in under the whole engine, and waits for the end of the batch. */
export async function ingest(
  paths: readonly string[],
  options: Readonly<Record<string, Json>> & { readonly index: string },
  parts: { readonly milepost?: Milepost; readonly limits?: ThreadLimits; readonly attempts?: number } = {},
): Promise<Ingested> {
  const milepost = parts.milepost ?? (await openForTest("memory"));
  milepost.pipeline(documentsPipeline(parts.limits === undefined ? {} : { limits: parts.limits }));
  const worker = await milepost.work({ concurrency: 2 });
  const { batch } = await milepost.submit({
    pipeline: "documents",
    items: newItems(paths),
    options: toDocumentOptions(options),
    attempts: parts.attempts ?? 1,
  });
  const snapshot = await batch.done();
  await worker.stop();
  return { batch: snapshot, items: (await batch.items({ limit: 1_000 })).items };
}

async function* newItems(paths: readonly string[]): AsyncGenerator<NewItem> {
  for await (const { key, input, size, kind } of planDocuments(paths)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}

/** A handler's step that writes down what it is told. */
export function recordingStep(told: (what: string) => void = () => {}): Step & { readonly abort: AbortController } {
  const abort = new AbortController();
  return {
    abort,
    signal: abort.signal,
    stage: (name) => told(name),
    progress: (done, total) => told(`${done}/${total}`),
    message() {},
    cached: () => told("cached"),
    save: async () => {},
    paused: async () => {},
    log() {},
  };
}
