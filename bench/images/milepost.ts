import { openMilepost } from "../../src/index.ts";
import { imagesPipeline, toImageOptions } from "../../src/pipelines/images/images-pipeline.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import type { ImagesInput } from "./input.ts";

/** The images pipeline under the whole engine with a store on disk: from opening the store to the end of the batch. */
export async function measure(input: ImagesInput & { readonly store: string }): Promise<Figures> {
  await convertAll(input, input.warmPaths, `${input.store}.warm`);
  return costOf(() => convertAll(input, input.paths, input.store));
}

async function convertAll(
  { out, width, format, concurrency }: ImagesInput,
  paths: readonly string[],
  store: string,
): Promise<void> {
  await using milepost = await openMilepost(store);
  milepost.pipeline(imagesPipeline());
  await milepost.work({ concurrency });
  const options = { ...toImageOptions({ out, width, format }) };
  const { batch } = await milepost.submit({ pipeline: "images", items: paths, options });
  const { outcome } = await batch.done();
  if (outcome !== "success") throw new Error(`the batch ended with ${outcome}`);
}
