import { MilepostError } from "../core/errors.ts";
import type { ItemSnapshot } from "../core/item.ts";
import { type Json, toJsonText } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/options.ts";
import { requireText } from "../engine/submit.ts";
import type { ItemChange } from "../engine/tracker.ts";
import { DOCUMENT_TRANSITIONS, DocumentState, isActive, mayMove } from "./document-state.ts";
import type { DocumentRecord } from "./document-status.ts";

/** What an update may say beside status and progress; any other field is added to the document's metadata. */
export interface DocumentDetails {
  readonly stage?: string;
  readonly page?: number;
  readonly totalPages?: number;
  /** Why it failed; only with `failed`. */
  readonly error?: string;
  readonly [field: string]: Json | undefined;
}

export type Metadata = Readonly<Record<string, Json | undefined>>;

/**
 * A document's metadata as it is kept.
 * @throws {MilepostError} `INVALID_ARGUMENT` for anything but an object, `NOT_JSON`
 */
export function toMetadata(what: string, given: unknown): DocumentRecord["metadata"] {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  if (!isObject) throw new MilepostError("INVALID_ARGUMENT", `${what} must be an object; found ${kindOf(given)}`);
  return JSON.parse(toJsonText(given, what));
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
}

/** What `DocumentDetails` say, checked. */
export interface Details extends Pick<DocumentRecord, "page" | "totalPages" | "metadata"> {
  readonly stage: string | undefined;
  readonly error: string | undefined;
}

/** @throws {MilepostError} `INVALID_ARGUMENT` or `NOT_JSON` */
export function readDetails(details: DocumentDetails): Details {
  const metadata = toMetadata("the details", details);
  const { stage, page = null, totalPages = null, error } = details;
  for (const field of ["stage", "page", "totalPages", "error"]) delete metadata[field];
  if (stage !== undefined) requireText("stage", stage, LIMITS.errorMessageBytes);
  if (error !== undefined) requireText("error", error, LIMITS.itemJsonBytes);
  if (page !== null) requireWhole("page", page, 0, Number.MAX_SAFE_INTEGER);
  if (totalPages !== null) requireWhole("totalPages", totalPages, 0, Number.MAX_SAFE_INTEGER);
  return { stage, page, totalPages, error, metadata };
}

/** The pages after an update: what it leaves out stays. */
export function pagesOf(
  docId: string,
  given: Pick<DocumentRecord, "page" | "totalPages">,
  record: DocumentRecord,
): Pick<DocumentRecord, "page" | "totalPages"> {
  const page = given.page ?? record.page;
  const totalPages = given.totalPages ?? record.totalPages;
  if (page === null || totalPages === null || page <= totalPages) return { page, totalPages };
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `the page of document ${docId} must not pass its total; found ${page} of ${totalPages}`,
  );
}

/** What a report on a document is to the engine: so it shows in counts, feeds, the command line and the API. */
export function toChange(
  record: DocumentRecord,
  { error, hasPages = false }: { readonly error?: unknown; readonly hasPages?: boolean } = {},
): ItemChange {
  const saved = record as Json;
  if (record.status === "completed") return { type: "complete", output: saved };
  if (record.status === "failed") return { type: "fail", error, saved };
  const units = hasPages ? { done: record.page, total: record.totalPages, unit: "page" } : {};
  const progress = { stage: record.status, message: record.stage, ...units };
  return { type: "progress", progress, fraction: record.progress, saved };
}

/** The process that held the document died after its last report: its work is lost, and it may begin again. */
function isOrphan(record: DocumentRecord, item: ItemSnapshot): boolean {
  return item.state === "pending" && item.crashes > record.crashes;
}

export function requireMove(docId: string, record: DocumentRecord, to: DocumentState, item: ItemSnapshot): void {
  const from = stateOf(record, item);
  if (mayMove(from, to) || (to === "parsing" && isActive(from) && isOrphan(record, item))) return;
  throw forbidden(docId, from, to, DOCUMENT_TRANSITIONS[from]);
}

export function requireActive(docId: string, record: DocumentRecord, to: DocumentState, item: ItemSnapshot): void {
  const from = stateOf(record, item);
  if (!isActive(from)) throw forbidden(docId, from, to, []);
}

/** The item decides whether a document has ended: an operator may have cancelled it. */
function stateOf(record: DocumentRecord, { state }: ItemSnapshot): DocumentState {
  if (state === "completed") return DocumentState.COMPLETED;
  return state === "failed" || state === "cancelled" ? DocumentState.FAILED : record.status;
}

function forbidden(
  docId: string,
  from: DocumentState,
  to: DocumentState,
  allowed: readonly DocumentState[],
): MilepostError {
  const may = allowed.length === 0 ? "nothing: it has ended" : allowed.join(", ");
  return new MilepostError("CONFLICT", `document ${docId} cannot go from ${from} to ${to}; allowed: ${may}`, {
    details: { docId, from, to, allowed },
  });
}
