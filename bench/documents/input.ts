/** What both sides are given: the same files, one document at a time. */
export interface DocumentsInput {
  readonly paths: readonly string[];
  /** Taken in first, uncounted: libraries are loaded and code is compiled when the clock starts. */
  readonly warmPaths: readonly string[];
  /** The index to make. */
  readonly index: string;
}
