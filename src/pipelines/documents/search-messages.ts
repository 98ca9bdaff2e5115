import type { ErrorCode } from "../../core/errors.ts";
import type { SearchHit } from "./library/search.ts";

/** A hit with what is known of its page. */
export interface FoundPlace extends SearchHit {
  /** True if the index has a picture of the page. */
  readonly hasThumbnail: boolean;
}

/** What is wanted of an index, as it is sent to a process. */
export type LibraryQuestion =
  | { readonly type: "search"; readonly query: string; readonly limit: number }
  | { readonly type: "thumbnail"; readonly sha256: string; readonly page: number }
  | { readonly type: "remove"; readonly sha256: string };

export interface SearchTask {
  /** The index, an absolute path. */
  readonly index: string;
  /** The folder of the model that it was made with; null for the built-in embedder. */
  readonly model: string | null;
  readonly question: LibraryQuestion;
}

/** What a process answers: errors as data, since their codes do not survive the way from one process to another. */
export type SearchAnswer =
  | { readonly type: "places"; readonly places: readonly FoundPlace[] }
  | { readonly type: "picture"; readonly picture: Uint8Array | null }
  | { readonly type: "removed" }
  | { readonly type: "failed"; readonly code: ErrorCode | null; readonly message: string };
