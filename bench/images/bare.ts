import { basename, join } from "node:path";
import sharp from "sharp";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import type { ImagesInput } from "./input.ts";

/**
 * The loop that a person would write: sharp on each file, `concurrency` at once, straight to its place. It checks nothing,
 * records nothing, and a crash leaves half a file.
 */
export async function measure(input: ImagesInput): Promise<Figures> {
  await convertAll(input, input.warmPaths);
  return costOf(() => convertAll(input, input.paths));
}

async function convertAll({ out, width, format, concurrency }: ImagesInput, paths: readonly string[]): Promise<void> {
  const waiting = paths.values();
  const lane = async (): Promise<void> => {
    for (const path of waiting) {
      await sharp(path)
        .autoOrient()
        .resize({ width, fit: "inside", withoutEnlargement: true })
        .toFormat(format)
        .toFile(join(out, basename(path)));
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
