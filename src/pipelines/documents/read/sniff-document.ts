import { extname } from "node:path";
import { documentError } from "../document-errors.ts";

const DOCUMENT_FORMATS = ["pdf", "docx", "html", "markdown", "text"] as const;
export type DocumentFormat = (typeof DOCUMENT_FORMATS)[number];

/** What a PDF may have in front of it, by its specification. */
const PDF_WITHIN = 1_024;
const HEAD = 4_096;
const OLE = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/**
 * The format of a document by its content. Only between the three kinds of text, which nothing in the content tells apart
 * for sure, the name decides: Markdown by its ending, HTML by its first tag or its ending, everything else is plain text.
 *
 * @param bytes the whole content, or its first 4,096 bytes
 * @throws {NoRetryError} `EMPTY_DOCUMENT`, `ENCRYPTED_DOCUMENT` (Office) or `UNSUPPORTED_DOCUMENT`
 */
export function sniffDocument(bytes: Uint8Array, filename: string): DocumentFormat {
  if (bytes.length === 0) throw documentError("EMPTY_DOCUMENT", "the file is empty");
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD));
  if (head.subarray(0, PDF_WITHIN).includes("%PDF-")) return "pdf";
  if (head.subarray(0, 4).equals(Buffer.from("PK\x03\x04"))) return "docx";
  if (OLE.every((byte, index) => head[index] === byte)) throw oleError(bytes);
  const isWide = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  if (!isWide && isBinary(head)) {
    const reason = "the content is not PDF, DOCX, HTML, Markdown or text, whatever the name says";
    const hint = head.includes(0) ? "; if it is text, save it as UTF-8: it has NUL characters" : "";
    throw documentError("UNSUPPORTED_DOCUMENT", reason + hint);
  }
  return textFormat(isWide ? head.toString("utf16le") : head.toString("latin1"), filename);
}

function oleError(bytes: Uint8Array): Error {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (content.includes(Buffer.from("EncryptedPackage", "utf16le"))) {
    return documentError("ENCRYPTED_DOCUMENT", "the document is encrypted; take its password off");
  }
  return documentError("UNSUPPORTED_DOCUMENT", "the old Office format (.doc) is not read; save it as DOCX or PDF");
}

/** Text has hardly any control characters, and no NUL. */
function isBinary(head: Buffer): boolean {
  let controls = 0;
  for (const byte of head) {
    if (byte === 0) return true;
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) controls++;
  }
  return controls > head.length / 50;
}

function textFormat(head: string, filename: string): DocumentFormat {
  const ending = extname(filename).toLowerCase();
  const first = head
    .replace(/^(?:\ufeff|\u00ef\u00bb\u00bf)/, "")
    .replace(/^(?:\s|<!--[\s\S]*?-->|<\?xml[\s\S]*?\?>)+/, "");
  if (/^<(?:!doctype\s+html|html|head|body)\b/i.test(first)) return "html";
  if (ending === ".md" || ending === ".markdown") return "markdown";
  const isTag = /^<[a-z][^<>]{0,500}>/i.test(first);
  return isTag && (ending === ".html" || ending === ".htm" || ending === ".xhtml") ? "html" : "text";
}
