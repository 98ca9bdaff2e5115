import type { Library, LibraryOptions } from "./library/library.ts";

export type { Library, LibraryDocument, LibraryOptions, PageHit } from "./library/library.ts";
export type { SearchHit } from "./library/search.ts";

/**
 * Opens an index of documents to search it. What it needs is loaded by the first call.
 *
 * @throws {MilepostError} `NOT_FOUND` if there is none; `MISSING_DEPENDENCY` without the package sqlite-vec; `CONFLICT` if it was made
 * with another embedder; `STORE_…` if the file is no index or cannot be read
 */
export async function openLibrary(path: string, options: LibraryOptions = {}): Promise<Library> {
  const { Library } = await import("./library/library.ts");
  return Library.open(path, options);
}
