import type { Json } from "../../core/json.ts";
import type { DocumentOptions } from "./document-options.ts";

/** The stages of a document, in order. */
export type DocumentStage = "parsing" | "embedding_visual" | "embedding_text" | "storing";

/** One document, as it is sent to a thread. */
export interface DocumentTask {
  readonly path: string;
  readonly filename: string;
  readonly metadata: Json;
  /** Of the content that was submitted; null if it could not be read then. */
  readonly sha256: string | null;
  readonly options: DocumentOptions;
}

/** What the item of a document that is in the index has as its output. */
export type DocumentOutput = {
  /** The number of the document in the index. */
  readonly documentId: number;
  readonly sha256: string;
  readonly index: string;
  /** Null where the format has no pages. */
  readonly totalPages: number | null;
  readonly numChunks: number;
};

/** What a thread says of its document. After `units` it waits for `go`. */
export type FromDocumentThread =
  | { readonly type: "stage"; readonly name: DocumentStage; readonly total?: number; readonly unit?: string }
  | { readonly type: "units"; readonly done: number; readonly total: number }
  | { readonly type: "cached" }
  | { readonly type: "done"; readonly output: DocumentOutput }
  | { readonly type: "failed"; readonly message: string; readonly code: string | null; readonly isFinal: boolean };

/** What a thread is told. */
export type ToDocumentThread = { readonly type: "task"; readonly task: DocumentTask } | { readonly type: "go" };

/** A thread's line to the handler that waits for it. */
export interface DocumentLine {
  stage(name: DocumentStage, units?: { readonly total: number; readonly unit: string }): void;
  /** Resolves at once or, while the work is paused, when it goes on. */
  units(done: number, total: number): Promise<void>;
  cached(): void;
}
