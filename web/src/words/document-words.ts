import type { WireDocument } from "../../../src/wire/document.ts";
import { showCount, showDuration, showSeconds } from "./shown.ts";

const STATUS_WORDS: Readonly<Record<WireDocument["status"], string>> = {
  queued: "queued",
  parsing: "reading",
  embedding_visual: "pages",
  embedding_text: "text",
  storing: "storing",
  completed: "completed",
  failed: "failed",
};

/** Where a document stands, in a word; of one that ended: how. */
export function documentStatusWords({ status }: Pick<WireDocument, "status">): string {
  return STATUS_WORDS[status];
}

/** The colour that its state has everywhere. */
export function documentState({ status }: Pick<WireDocument, "status">): string {
  if (status === "completed" || status === "failed") return status;
  return status === "queued" ? "pending" : "processing";
}

/** `page 3 of 12`, `12 pages`. */
export function pagesWords({ page, totalPages, status }: Pick<WireDocument, "page" | "totalPages" | "status">): string {
  if (totalPages === null) return "";
  if (status === "embedding_visual" && page !== null) return `page ${showCount(page)} of ${showCount(totalPages)}`;
  return `${showCount(totalPages)} ${totalPages === 1 ? "page" : "pages"}`;
}

/** What it took, or about how long it will. */
export function documentTimeWords(document: WireDocument): string {
  if (document.completedAt !== null) return `took ${showDuration(document.elapsedTime)}`;
  const { estimatedRemaining } = document;
  return estimatedRemaining === null ? "" : `about ${showSeconds(estimatedRemaining)} left`;
}
