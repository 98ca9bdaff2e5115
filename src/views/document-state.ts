import { unreachable } from "../core/invariant.ts";

/** Items of this kind belong to documents whose callers report on them; all others in the queue are the pipeline's. */
export const REPORTED = "reported-document";

/** States of a document: the state of its item and, while that runs, the name of its stage. */
export const DocumentState = {
  QUEUED: "queued",
  PARSING: "parsing",
  EMBEDDING_VISUAL: "embedding_visual",
  EMBEDDING_TEXT: "embedding_text",
  STORING: "storing",
  COMPLETED: "completed",
  FAILED: "failed",
} as const;
export type DocumentState = (typeof DocumentState)[keyof typeof DocumentState];

export const DOCUMENT_STATES: readonly DocumentState[] = Object.values(DocumentState);

/**
 * The whole life of a document: state → states that an update may lead to. The same state again is an update of it. Formats
 * without pages to look at go from `parsing` to `embedding_text`. What has ended stays as it is.
 */
export const DOCUMENT_TRANSITIONS = {
  queued: ["queued", "parsing", "failed"],
  parsing: ["parsing", "embedding_visual", "embedding_text", "failed"],
  embedding_visual: ["embedding_visual", "embedding_text", "failed"],
  embedding_text: ["embedding_text", "storing", "failed"],
  storing: ["storing", "completed", "failed"],
  completed: [],
  failed: [],
} as const satisfies Record<DocumentState, readonly DocumentState[]>;

/** What people read where a caller names no step of its own. */
export const STAGE_NAMES: Readonly<Record<DocumentState, string>> = {
  queued: "Waiting",
  parsing: "Reading the document",
  embedding_visual: "Embedding pages",
  embedding_text: "Embedding text",
  storing: "Storing",
  completed: "Completed",
  failed: "Failed",
};

export function isDocumentState(value: unknown): value is DocumentState {
  return DOCUMENT_STATES.some((state) => state === value);
}

/** False once a document has completed or failed. */
export function isActive(state: DocumentState): boolean {
  return DOCUMENT_TRANSITIONS[state].length > 0;
}

/** True if an update may lead from the one to the other. */
export function mayMove(from: DocumentState, to: DocumentState): boolean {
  return DOCUMENT_TRANSITIONS[from].some((state) => state === to);
}

/**
 * How far a document is, 0 to 1, by its state and the units (pages, chunks) that are done in it: the weights of the
 * documents pipeline. Of a failed one nothing can be said; it keeps what it had.
 */
export function documentProgress(
  state: Exclude<DocumentState, "failed">,
  units: { readonly done: number | null; readonly total: number | null } = { done: null, total: null },
): number {
  const { done, total } = units;
  const share = (weight: number): number =>
    done === null || total === null || total <= 0 ? 0 : (weight * done) / total;
  switch (state) {
    case "queued":
      return 0;
    case "parsing":
      return 0.1;
    case "embedding_visual":
      return 0.1 + share(0.5);
    case "embedding_text":
      return 0.6 + share(0.3);
    case "storing":
      return 0.95;
    case "completed":
      return 1;
    default:
      return unreachable(state);
  }
}
