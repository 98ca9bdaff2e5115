import { marked } from "marked";
import { documentError, tooMuchText } from "../document-errors.ts";
import { DOCUMENT_LIMITS } from "../document-limits.ts";
import { cleanText } from "../text/clean-text.ts";
import { decodeText } from "./decode-text.ts";
import { docxText } from "./docx-text.ts";
import { htmlText } from "./html-text.ts";
import type { DocumentFormat } from "./sniff-document.ts";

/**
 * The clean text of a document of any format but PDF.
 *
 * @throws {NoRetryError} `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`, or what `docxText` throws
 */
export async function textOf(
  bytes: Uint8Array,
  format: Exclude<DocumentFormat, "pdf">,
): Promise<{ readonly title: string | null; readonly text: string }> {
  const { title, text: raw } = await rawTextOf(bytes, format);
  if (raw.length > 2 * DOCUMENT_LIMITS.characters) throw tooMuchText(raw.length);
  const text = cleanText(raw, "paragraphs");
  if (text === "") throw documentError("EMPTY_DOCUMENT", "the document has no text");
  if (text.length > DOCUMENT_LIMITS.characters) throw tooMuchText(text.length);
  return { title, text };
}

async function rawTextOf(
  bytes: Uint8Array,
  format: Exclude<DocumentFormat, "pdf">,
): Promise<{ readonly title: string | null; readonly text: string }> {
  if (format === "docx") return { title: null, text: await docxText(bytes) };
  const { text } = decodeText(bytes, format === "html");
  if (format === "text") return { title: null, text };
  // Markdown may have HTML in it, so both go the same way.
  return htmlText(format === "html" ? text : await marked.parse(text));
}
