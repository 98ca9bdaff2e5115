import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { getLoadablePath } from "sqlite-vec";
import { BUILT_IN_EMBEDDER } from "../../src/pipelines/documents/embed/built-in-embedder.ts";
import { describePage } from "../../src/pipelines/documents/embed/page-descriptor.ts";
import { hashText } from "../../src/pipelines/documents/embed/text-hashing.ts";
import { librarySchema } from "../../src/pipelines/documents/library/library-schema.ts";
import { PdfFile } from "../../src/pipelines/documents/read/pdf-file.ts";
import { chunksOf, type PageText } from "../../src/pipelines/documents/text/chunks.ts";
import { cleanText } from "../../src/pipelines/documents/text/clean-text.ts";
import { wordsOf } from "../../src/pipelines/documents/text/words.ts";
import { toThumbnail } from "../../src/pipelines/documents/thumbnail.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import type { DocumentsInput } from "./input.ts";

/**
 * The loop that a person would write: parse, render, embed and insert, one file after the other, in one process. It keeps nothing before a
 * document is whole, records nothing, and a broken file ends it.
 */
export async function measure({ paths, warmPaths, index }: DocumentsInput): Promise<Figures> {
  const db = new DatabaseSync(index, { allowExtension: true });
  db.loadExtension(getLoadablePath());
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;");
  db.exec(librarySchema(BUILT_IN_EMBEDDER));
  const insert = inserts(db);
  for (const path of warmPaths) await takeIn(path, db, insert);
  const cost = await costOf(async () => {
    for (const path of paths) await takeIn(path, db, insert);
  });
  db.close();
  return cost;
}

type Inserts = ReturnType<typeof inserts>;

function inserts(db: DatabaseSync) {
  return {
    document: db.prepare(
      `INSERT INTO documents (sha256, settings, filename, path, metadata, format, bytes, started_at, stored_at)
       VALUES (?1, '', ?1, ?1, '{}', 'pdf', 0, 0, 0)`,
    ),
    page: db.prepare("INSERT INTO pages (document, page, text, thumbnail) VALUES (?, ?, ?, ?)"),
    pageVector: db.prepare("INSERT INTO page_vectors (rowid, embedding) VALUES (?, ?)"),
    chunk: db.prepare(
      "INSERT INTO chunks (document, ordinal, first_page, last_page, breaks, text) VALUES (?, ?, ?, ?, '[]', ?)",
    ),
    chunkVector: db.prepare("INSERT INTO chunk_vectors (rowid, embedding) VALUES (?, ?)"),
    words: db.prepare("INSERT INTO chunk_words (rowid, words) VALUES (?, ?)"),
  };
}

async function takeIn(path: string, db: DatabaseSync, insert: Inserts): Promise<void> {
  using pdf = await PdfFile.open(readFileSync(path));
  db.exec("BEGIN");
  const document = insert.document.run(path).lastInsertRowid;
  const pages: PageText[] = [];
  for (let page = 1; page <= pdf.pageCount; page++) {
    const { text: raw, image } = pdf.page(page, { image: true });
    if (image === null) throw new Error("no picture");
    const text = cleanText(raw, "wrapped");
    const { lastInsertRowid } = insert.page.run(document, page, text, await toThumbnail(image));
    insert.pageVector.run(BigInt(lastInsertRowid), new Uint8Array(describePage(image).buffer));
    pages.push({ page, text });
  }
  let ordinal = 0;
  for (const { text, firstPage, lastPage } of chunksOf(pages, { chunkSize: 800, overlap: 160 })) {
    const { lastInsertRowid } = insert.chunk.run(document, ordinal++, firstPage, lastPage, text);
    insert.chunkVector.run(BigInt(lastInsertRowid), new Uint8Array(hashText(text).buffer));
    insert.words.run(lastInsertRowid, [...wordsOf(text)].map(({ form }) => form).join(" "));
  }
  db.exec("COMMIT");
}
