import { resolve } from "node:path";
import type { Batch } from "../engine/batch.ts";
import type { NewItem } from "../engine/submit.ts";
import {
  type ImageOptions,
  imagesPipeline,
  plannedOutput,
  planOutputs,
  toImageOptions,
} from "../pipelines/images/images-pipeline.ts";
import type { Cli } from "./cli.ts";
import { knownOutputs } from "./known-outputs.ts";
import { runFiles } from "./run-files.ts";
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

/** Resizes and converts the images that are named. */
export function runImages(cli: Cli, names: readonly string[], options: RunImagesOptions): Promise<void> {
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
  return runFiles(cli, {
    names,
    options,
    pipeline: imagesPipeline(),
    batchOptions: imageOptions,
    extensions: IMAGE_EXTENSIONS,
    what: "images",
    out,
    check: async () => (await import("../pipelines/images/load-sharp.ts")).loadSharp(),
    items: (files, known) => newItems(files, imageOptions, known),
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
