import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { ImageOptions } from "../pipelines/images/images-pipeline.ts";

/**
 * The name of a batch whose user gave none: made of the output folder and the options, so that the same command finds the
 * same batch again, also on a folder that grew, and other options never mix with it.
 */
export function imageBatchName(options: ImageOptions): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const digest = createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 8);
  return `images-${
    basename(options.out)
      .replaceAll(/[^\w.-]+/g, "_")
      .slice(0, 60) || "out"
  }-${digest}`;
}
