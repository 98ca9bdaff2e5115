/** What both sides are given: the same files, settings and number of images at once. */
export interface ImagesInput {
  readonly paths: readonly string[];
  /** A folder of its own for the outputs; it exists. */
  readonly out: string;
  readonly width: number;
  readonly format: "jpeg" | "png" | "webp" | "avif";
  readonly concurrency: number;
  /** Images converted first, uncounted: sharp is loaded and code is compiled when the clock starts. */
  readonly warmPaths: readonly string[];
}
