/** A page as it was rendered: rows of pixels from the top, four bytes each: red, green, blue and one that does not count. */
export interface PageImage {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/**
 * Turns texts and pages into vectors whose cosine says how alike they are. All vectors have the length 1, or are all zero where
 * there is nothing to compare. The same input gives the same vector, always: an index lives longer than a process.
 */
export interface Embedder {
  /** Names the method and all that changes its vectors. An index keeps it and refuses others. */
  readonly name: string;
  readonly dimensions: { readonly texts: number; readonly images: number };
  embedTexts(texts: readonly string[]): Promise<readonly Float32Array[]>;
  embedImages(images: readonly PageImage[]): Promise<readonly Float32Array[]>;
}

/** Scales a vector to the length 1, in place; one of zeros stays as it is. */
export function toUnitLength(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  if (sum === 0) return vector;
  const scale = 1 / Math.sqrt(sum);
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] ?? 0) * scale;
  return vector;
}
