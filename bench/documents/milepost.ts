import { openMilepost } from "../../src/index.ts";
import {
  documentsPipeline,
  planDocuments,
  toDocumentOptions,
} from "../../src/pipelines/documents/documents-pipeline.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import type { DocumentsInput } from "./input.ts";

/** The documents pipeline under the whole engine with a store on disk: from the reading of the hashes to the end of the batch. */
export async function measure({ paths, warmPaths, index }: DocumentsInput): Promise<Figures> {
  await using milepost = await openMilepost(`${index}.work`);
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 1 });
  const takeIn = async (some: readonly string[]): Promise<void> => {
    async function* items() {
      for await (const { key, input, size } of planDocuments(some))
        yield { key, input, ...(size !== null && { size }) };
    }
    const options = { ...toDocumentOptions({ index }) };
    const { batch } = await milepost.submit({ pipeline: "documents", items: items(), options });
    const { outcome } = await batch.done();
    if (outcome !== "success") throw new Error(`the batch ended with ${outcome}`);
  };
  await takeIn(warmPaths);
  return await costOf(() => takeIn(paths));
}
