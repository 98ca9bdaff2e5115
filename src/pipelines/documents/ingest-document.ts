import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { documentError, readError, tooMuchText } from "./document-errors.ts";
import { DOCUMENT_LIMITS } from "./document-limits.ts";
import { settingsOf } from "./document-options.ts";
import type { Embedder } from "./embed/embedder.ts";
import { Draft, type StoredDocument, storedDocument } from "./library/draft.ts";
import type { LibraryFile } from "./library/library-file.ts";
import type { DocumentLine, DocumentOutput, DocumentTask } from "./messages.ts";
import { PdfFile } from "./read/pdf-file.ts";
import { sniffDocument } from "./read/sniff-document.ts";
import { textOf } from "./read/text-of.ts";
import { chunksOf, type PageText } from "./text/chunks.ts";
import { cleanText } from "./text/clean-text.ts";
import { wordsOf } from "./text/words.ts";
import { toThumbnail } from "./thumbnail.ts";

/** Chunks that are embedded and kept together. */
const CHUNKS_AT_ONCE = 16;

interface Ingestion {
  readonly task: DocumentTask;
  readonly line: DocumentLine;
  readonly embedder: Embedder;
  readonly draft: Draft;
}

interface ReadDocument {
  readonly title: string | null;
  /** Null where the format has no pages. */
  readonly totalPages: number | null;
  readonly pages: readonly PageText[];
  readonly isVisual: boolean;
}

/**
 * Takes one document into an index: reads it, renders and embeds its pages, cuts and embeds its text, stores it. Pages and chunks are
 * kept as they are done, so that after a crash it goes on behind the last one. A document that is in the index already is
 * answered without being opened. One that can never be taken in leaves nothing behind.
 *
 * @throws {NoRetryError} with a code of `DocumentErrorCode`
 */
export async function ingestDocument(
  task: DocumentTask,
  parts: { readonly line: DocumentLine; readonly file: LibraryFile; readonly embedder: Embedder },
): Promise<DocumentOutput> {
  const { line, file, embedder } = parts;
  const settings = settingsOf(task.options);
  const output = (sha256: string, stored: StoredDocument): DocumentOutput => ({
    ...stored,
    sha256,
    index: task.options.index,
  });
  const known = task.sha256 === null ? null : storedDocument(file, task.sha256, settings);
  if (task.sha256 !== null && known !== null) {
    line.cached();
    return output(task.sha256, known);
  }
  line.stage("parsing");
  const content = readContent(task.path);
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (task.sha256 !== null && task.sha256 !== sha256) {
    throw documentError("DOCUMENT_CHANGED", "the file has changed since it was submitted; submit it again");
  }
  const format = sniffDocument(content, task.filename);
  const { filename, path, metadata } = task;
  const draft = Draft.begin(file, { sha256, settings, filename, path, metadata, format, bytes: content.length });
  try {
    const ingestion = { task, line, embedder, draft };
    const read = format === "pdf" ? await readPdf(content, ingestion) : await readText(content, format);
    await embedText(read, ingestion);
    line.stage("storing", { total: 2, unit: "step" });
    await line.units(1, 2);
    return output(sha256, draft.store(read));
  } catch (error) {
    if (error instanceof Error && error.name === "NoRetryError") draft.discard();
    throw error;
  }
}

function readContent(path: string): Uint8Array {
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw documentError("INVALID_DOCUMENT", "the input is not a regular file");
    if (stats.size > DOCUMENT_LIMITS.bytes) {
      const limit = DOCUMENT_LIMITS.bytes / 1_048_576;
      throw documentError(
        "DOCUMENT_TOO_LARGE",
        `the file is too large: ${stats.size} bytes; the limit is ${limit} MiB`,
      );
    }
    return readFileSync(file);
  } catch (error) {
    throw error instanceof Error && error.name === "NoRetryError" ? error : readError(error);
  } finally {
    if (file !== null) closeSync(file);
  }
}

async function readText(content: Uint8Array, format: Parameters<typeof textOf>[1]): Promise<ReadDocument> {
  const { title, text } = await textOf(content, format);
  return { title, totalPages: null, pages: [{ page: null, text }], isVisual: false };
}

async function readPdf(content: Uint8Array, { task, line, embedder, draft }: Ingestion): Promise<ReadDocument> {
  using pdf = await PdfFile.open(content);
  const { visual } = task.options;
  const total = pdf.pageCount;
  const units = { total, unit: "page" };
  line.stage(visual ? "embedding_visual" : "parsing", units);
  const pages: PageText[] = [...draft.pages()];
  let characters = pages.reduce((sum, { text }) => sum + text.length, 0);
  if (pages.length > 0) await line.units(pages.length, total);
  // The picture of a page is encoded on another thread while the next page is rendered.
  let pending: (() => Promise<void>) | null = null;
  for (let number = pages.length + 1; number <= total; number++) {
    const { text: raw, image } = pdf.page(number, { image: visual });
    const text = cleanText(raw, "wrapped");
    characters += text.length;
    if (characters > DOCUMENT_LIMITS.characters) throw tooMuchText(characters);
    const [vector = null] = image === null ? [] : await embedder.embedImages([image]);
    await pending?.();
    const encoding = image === null ? null : toThumbnail(image);
    // Whoever waits for it hears of it; until then it is nobody's.
    encoding?.catch(() => {});
    pending = async () => {
      draft.addPage({ page: number, text, thumbnail: await encoding, vector });
      await line.units(number, total);
    };
    pages.push({ page: number, text });
  }
  await pending?.();
  return { title: null, totalPages: total, pages, isVisual: visual };
}

async function embedText(read: ReadDocument, { task, line, embedder, draft }: Ingestion): Promise<void> {
  const chunks = [...chunksOf(read.pages, task.options)];
  const total = chunks.length;
  if (total === 0) {
    if (!read.isVisual) throw documentError("EMPTY_DOCUMENT", "the document has no text");
    line.stage("embedding_text");
    return;
  }
  line.stage("embedding_text", { total, unit: "chunk" });
  for (let first = draft.numChunks(); first < total; first += CHUNKS_AT_ONCE) {
    const some = chunks.slice(first, first + CHUNKS_AT_ONCE);
    const vectors = await embedder.embedTexts(some.map(({ text }) => text));
    draft.addChunks(
      some.map((chunk, index) => ({
        ...chunk,
        ordinal: first + index,
        vector: vectors[index] ?? new Float32Array(embedder.dimensions.texts),
        words: [...wordsOf(chunk.text)].map(({ form }) => form).join(" "),
      })),
    );
    await line.units(Math.min(total, first + CHUNKS_AT_ONCE), total);
  }
}
