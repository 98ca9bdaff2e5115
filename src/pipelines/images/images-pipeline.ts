import { randomUUID } from "node:crypto";
import { MilepostError, NoRetryError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { HandlerItem, PipelineDefinition, Step } from "../../engine/pipeline.ts";
import { convertImage, openImage } from "./convert-image.ts";
import { imageError } from "./image-errors.ts";
import { targetOf } from "./image-format.ts";
import { type ImageOptions, toImageOptions } from "./image-options.ts";
import { inspectInput } from "./inspect-input.ts";
import { loadSharp } from "./load-sharp.ts";
import { outputPathFrom } from "./name-template.ts";
import { assertNotInput, OutputFiles, writeWhole } from "./output-file.ts";
import { plannedOutput, plannedSource } from "./plan-outputs.ts";

export { IMAGE_FITS, IMAGE_FORMATS, type ImageOptions, toImageOptions } from "./image-options.ts";
export { type PlannedImage, plannedOutput, planOutputs } from "./plan-outputs.ts";

/** What a converted image's item has as its output. */
export type ImageOutput = {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly format: string;
};

/** Shares of an item's time, as measured on photos: nearly all of it is one call that decodes, resizes, encodes and writes. */
export const IMAGE_STAGES = [
  { name: "decode", weight: 2 },
  { name: "transform", weight: 97 },
  { name: "write", weight: 1 },
] as const;

/**
 * The pipeline `images`: each item is one file, its key the absolute path (or anything, where the input says the path as its
 * `source`); the batch's options are `ImageOptions`.
 *
 * An item runs in three stages: `decode` looks at the first bytes and the header, `transform` makes the new image under a
 * temporary name, `write` puts it in place under its final one. The item's output is an `ImageOutput`. An image that cannot be converted
 * fails at once with a code (`INVALID_IMAGE`, `IMAGE_TOO_LARGE`, `UNSUPPORTED_IMAGE`, `INPUT_MISSING`, `OUTPUT_IS_INPUT`,
 * `INVALID_OUTPUT`) and a reason; trouble of the machine (disk full, no permission) is tried again. No input is ever
 * overwritten. Without a planned output (`planOutputs`) an item's path follows from its key alone: then inputs of the
 * same name write to the same file.
 */
export function imagesPipeline(): PipelineDefinition {
  const files = new OutputFiles(randomUUID());
  const checked = new WeakMap<object, ImageOptions>();
  // Where outputs go does not change how long they take.
  const alike = (options: Json): Json => ({ ...(options as ImageOptions), out: null, nameTemplate: null });
  return {
    name: "images",
    stages: IMAGE_STAGES,
    alike,
    handler: (item, step) => convertItem(item, step, { files, checked }),
  };
}

interface Parts {
  readonly files: OutputFiles;
  /** The options of batches, as their items share them. */
  readonly checked: WeakMap<object, ImageOptions>;
}

async function convertItem(item: HandlerItem, step: Step, { files, checked }: Parts): Promise<Json> {
  const sharp = await loadSharp();
  const options = optionsOf(item.batch.options, checked);
  assertOverwritesNone(item.input);

  step.stage("decode");
  const source = plannedSource(item.input) ?? item.key;
  const facts = inspectInput(source);
  const opened = await openImage(sharp, { ...facts, path: source }, options);
  step.signal.throwIfAborted();

  step.stage("transform");
  const path = plannedOutput(item.input) ?? outputPathFrom(source, targetOf(options.format, facts.format), options);
  const { width, height, bytes, format } = await files.replace(path, {
    isRetry: item.attempt > 1,
    make: (file) => convertImage(opened, options, { file, writeFile: (data) => writeWhole(file, data) }),
    check: () => {
      step.stage("write");
      step.signal.throwIfAborted();
      assertNotInput(path, source);
    },
  });
  step.signal.throwIfAborted();
  return { path, width, height, bytes, format } satisfies ImageOutput;
}

/** The options as they were checked at submission; where that was left out, another attempt cannot help. */
function optionsOf(given: Json, checked: Parts["checked"]): ImageOptions {
  const key = typeof given === "object" && given !== null ? given : {};
  const known = checked.get(key);
  if (known !== undefined) return known;
  try {
    const options = toImageOptions(given);
    checked.set(key, options);
    return options;
  } catch (error) {
    if (!(error instanceof MilepostError)) throw error;
    throw new NoRetryError(error.message, { code: error.code, cause: error });
  }
}

function assertOverwritesNone(input: Json): void {
  if (typeof input !== "object" || input === null || !("overwrites" in input)) return;
  throw imageError(
    "OUTPUT_IS_INPUT",
    "the output would overwrite an input of the batch; choose another directory or name template",
  );
}
