import { extname } from "node:path";
import { z } from "zod";
import type { Json } from "../../core/json.ts";
import type { NewItem } from "../../engine/submit.ts";
import type { FileType, UploadedFile, UploadFacet } from "../uploads.ts";
import { CHUNK_SIZE, toDocumentOptions } from "./document-options.ts";
import type { DocumentInput } from "./plan-documents.ts";
import { type DocumentFormat, sniffDocument } from "./read/sniff-document.ts";

const TYPES: Readonly<Record<DocumentFormat, FileType>> = {
  pdf: { type: "application/pdf", extension: "pdf" },
  docx: { type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", extension: "docx" },
  html: { type: "text/html", extension: "html" },
  markdown: { type: "text/markdown", extension: "md" },
  text: { type: "text/plain", extension: "txt" },
};

/** What may be asked of documents that were uploaded: `DocumentOptions` without any path. */
const uploadOptionsSchema = z.strictObject({
  chunkSize: z
    .int()
    .min(CHUNK_SIZE.least)
    .max(CHUNK_SIZE.most)
    .optional()
    .describe(`Characters of a chunk of text at most; default ${CHUNK_SIZE.usual}`),
  overlap: z
    .int()
    .min(0)
    .max(CHUNK_SIZE.most / 2)
    .optional()
    .describe("Characters that a chunk repeats of the one before, at most half a chunk; default a fifth"),
  visual: z
    .boolean()
    .optional()
    .describe("Default true: pages of PDFs are rendered, kept as small pictures and embedded"),
});

type UploadOptions = z.infer<typeof uploadOptionsSchema>;

/**
 * Documents as strangers may send them in, told by content. They go into the index of whoever sent them; the key of an item is the
 * SHA-256 of its content, so that the same content is one document.
 */
export const documentUploads: UploadFacet<UploadOptions> = {
  pipeline: "documents",
  keepsIndex: true,
  types: Object.values(TYPES).map(({ type }) => type),
  stages: ["parsing", "embedding_visual", "embedding_text", "storing"],
  accepts(head: Uint8Array, filename: string): FileType | null {
    const format = formatOf(head, filename);
    return format === null || isAnother(format, head, filename) ? null : TYPES[format];
  },
  options: uploadOptionsSchema,
  toBatchOptions: (options, _outFolder, { index }): Json => toDocumentOptions({ ...options, index }),
  toItem({ sha256, path, filename, size, extension }: UploadedFile): Exclude<NewItem, string> {
    const kind = Object.entries(TYPES).find(([, type]) => type.extension === extension)?.[0];
    const input: DocumentInput = { path, filename, metadata: {} };
    return { key: sha256, input, size, ...(kind !== undefined && { kind }) };
  },
  // What it makes is in the index, and is asked for by search.
  toMadeFile: () => null,
};

function formatOf(head: Uint8Array, filename: string): DocumentFormat | null {
  try {
    return sniffDocument(head, filename);
  } catch {
    return null;
  }
}

/** The beginnings of names of the parts of an Office document; one of them is its first. */
const OFFICE_PARTS = ["[Content_Types].xml", "_rels/", "word/", "docProps/", "customXml/"];
const NAME_IN_ZIP = 30;

/** Any ZIP begins like a DOCX, and nearly anything may be text: of these, what is clearly another kind is not taken. */
function isAnother(format: DocumentFormat, head: Uint8Array, filename: string): boolean {
  if (format === "pdf") return false;
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (format === "docx") return !OFFICE_PARTS.some((name) => text.startsWith(name, NAME_IN_ZIP));
  return isSvg(text) || BINARY_NAME.test(extname(filename));
}

/** By its first tag or its document type, whatever stands before: a drawing may hold script, and fetch what it names. */
function isSvg(text: string): boolean {
  const plain = text.replaceAll("\0", "");
  const first = plain.replace(/^(?:[\xef\xbb\xbf\xff\xfe\s]|<!--[\s\S]*?-->|<\?[\s\S]*?\?>)+/, "");
  return /^<(?:!doctype\s+)?(?:[\w-]+:)?svg[\s>/[]/i.test(first);
}

/** Endings of files that are never text: a text under such a name is something else than it says. */
const BINARY_NAME =
  /^\.(?:jpe?g|png|gif|webp|avif|heic|tiff?|bmp|ico|svgz?|pdf|docx?|xlsx?|pptx?|odt|zip|gz|bz2|xz|zst|7z|rar|tar|mp[34]|m4[av]|mov|mkv|webm|avi|wav|flac|ogg|opus|aac|exe|dll|so|bin|iso|woff2?|[ot]tf|sqlite|db)$/i;
