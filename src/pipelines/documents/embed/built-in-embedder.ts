import type { Embedder } from "./embedder.ts";
import { describePage, IMAGE_DIMENSIONS } from "./page-descriptor.ts";
import { hashText, TEXT_DIMENSIONS } from "./text-hashing.ts";

/** The embedder that is always there: no model, no download, the same vectors on every machine. */
export const BUILT_IN_EMBEDDER: Embedder = {
  name: "built-in-1",
  dimensions: { texts: TEXT_DIMENSIONS, images: IMAGE_DIMENSIONS },
  embedTexts: async (texts) => texts.map(hashText),
  embedImages: async (images) => images.map(describePage),
};
