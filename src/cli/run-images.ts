import { basename, resolve } from "node:path";
import type { Batch } from "../engine/batch.ts";
import type { NewItem } from "../engine/submit.ts";
import {
  type ImageOptions,
  imagesPipeline,
  plannedOutput,
  planOutputs,
  toImageOptions,
} from "../pipelines/images/images-pipeline.ts";
import { batchNameFrom } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectFiles } from "./collect-files.ts";
import { Interrupt } from "./interrupt.ts";
import { knownOutputs } from "./known-outputs.ts";
import { submitBatch, workOn } from "./run-batch.ts";
import { declareThen, endRun, planThen } from "./run-then.ts";
import type { RunImagesOptions } from "./verbs/run-images.ts";

/** What is taken from a folder as an image. Files named one by one may have any name: their content decides. */
const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".png",
  ".webp",
  ".avif",
  ".gif",
  ".tif",
  ".tiff",
]);

/**
 * Submits the images as a batch, or finds the batch that the same command made before, and works on it until it has ended
 * or a signal comes. Everything that can be wrong with the call is found before anything is submitted.
 */
export async function runImages(cli: Cli, names: readonly string[], options: RunImagesOptions): Promise<void> {
  const out = resolve(cli.io.cwd, options.out);
  const imageOptions = toImageOptions({
    out,
    width: options.width,
    height: options.height,
    fit: options.fit,
    withoutEnlargement: options.enlarge !== true,
    format: options.format,
    quality: options.quality,
    nameTemplate: options.nameTemplate,
  });
  const then = planThen(cli, { command: options.then, out });
  const files = await collectFiles(cli, {
    names,
    fromFile: options.fromFile,
    isNul: options.null === true,
    isSkipMissing: options.skipMissing === true,
    out,
    extensions: IMAGE_EXTENSIONS,
    what: "images",
  });
  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    milepost.pipeline(imagesPipeline());
    declareThen(milepost, cli, then);
    const run = { cli, milepost, interrupt, options };
    const name = options.name ?? batchNameFrom("images", basename(out), imageOptions);
    const batch = await submitBatch(run, {
      pipeline: "images",
      name,
      batchOptions: imageOptions,
      items: (known) => newItems(files, imageOptions, known),
    });
    const result = await workOn(run, batch);
    await endRun(run, { batch, name, result, out, then });
  });
}

async function* newItems(
  files: readonly string[],
  options: ImageOptions,
  known: Batch | null,
): AsyncGenerator<NewItem> {
  const outputs = known === null ? new Map<string, string>() : await knownOutputs(known, plannedOutput);
  for await (const { key, input, size, kind } of planOutputs(files, options, outputs)) {
    yield { key, input, ...(size !== null && { size }), ...(kind !== null && { kind }) };
  }
}
