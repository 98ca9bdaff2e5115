import type { Json } from "../../../core/json.ts";
import type { Chunk, PageText } from "../text/chunks.ts";
import type { LibraryFile } from "./library-file.ts";

/** A document that is in an index whole. */
export interface StoredDocument {
  readonly documentId: number;
  readonly totalPages: number | null;
  readonly numChunks: number;
}

export interface DocumentFacts {
  readonly sha256: string;
  /** What its chunks and pages were made with; another text makes another document of it. */
  readonly settings: string;
  readonly filename: string;
  readonly path: string;
  readonly metadata: Json;
  readonly format: string;
  readonly bytes: number;
}

export interface NewPage extends PageText {
  readonly page: number;
  readonly thumbnail: Uint8Array | null;
  readonly vector: Float32Array | null;
}

export interface NewChunk extends Chunk {
  readonly ordinal: number;
  readonly vector: Float32Array;
  readonly words: string;
}

/** A draft that nobody went on with for so long is given up. */
const DRAFT_DAYS = 30;

/** The document with this content as it is in the index with these settings; null if it is not, or not whole. */
export function storedDocument(file: LibraryFile, sha256: string, settings: string): StoredDocument | null {
  const row = file
    .prepare(
      "SELECT id, total_pages, num_chunks FROM documents WHERE sha256 = ? AND settings = ? AND stored_at IS NOT NULL",
    )
    .get(sha256, settings);
  if (row === undefined) return null;
  return {
    documentId: Number(row.id),
    totalPages: row.total_pages === null ? null : Number(row.total_pages),
    numChunks: Number(row.num_chunks),
  };
}

/** Gives up what there is of a document that is not whole. */
export function discardDraft(file: LibraryFile, { sha256, settings }: { sha256: string; settings: string }): void {
  file.write(() =>
    file.prepare("DELETE FROM documents WHERE sha256 = ? AND settings = ? AND stored_at IS NULL").run(sha256, settings),
  );
}

/**
 * A document on its way into an index: what is done of it is kept, page by page, so that another attempt goes on there; nothing
 * of it is found before `store()`. Several may work on the same draft (two batches with the same content): all write the
 * same, and who stores it first, stores it.
 */
export class Draft {
  readonly #file: LibraryFile;
  readonly #facts: DocumentFacts;
  readonly #id: number;

  private constructor(file: LibraryFile, facts: DocumentFacts, id: number) {
    this.#file = file;
    this.#facts = facts;
    this.#id = id;
  }

  /** Begins a draft, or finds the one that an earlier attempt left. */
  static begin(file: LibraryFile, facts: DocumentFacts): Draft {
    return file.write(() => {
      file
        .prepare("DELETE FROM documents WHERE stored_at IS NULL AND started_at < unixepoch() - ?")
        .run(DRAFT_DAYS * 86_400);
      const known = file
        .prepare("SELECT id FROM documents WHERE sha256 = ? AND settings = ? AND stored_at IS NULL")
        .get(facts.sha256, facts.settings);
      if (known !== undefined) {
        file.prepare("UPDATE documents SET started_at = unixepoch() WHERE id = ?").run(Number(known.id));
        return new Draft(file, facts, Number(known.id));
      }
      const { lastInsertRowid } = file
        .prepare(
          `INSERT INTO documents (sha256, settings, filename, path, metadata, format, bytes, started_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, unixepoch())`,
        )
        .run(
          facts.sha256,
          facts.settings,
          facts.filename,
          facts.path,
          JSON.stringify(facts.metadata),
          facts.format,
          facts.bytes,
        );
      return new Draft(file, facts, Number(lastInsertRowid));
    });
  }

  /** The pages that it has, in order. */
  pages(): readonly { readonly page: number; readonly text: string }[] {
    const rows = this.#file.prepare("SELECT page, text FROM pages WHERE document = ? ORDER BY page").all(this.#id);
    return rows.map((row) => ({ page: Number(row.page), text: String(row.text) }));
  }

  /** How many chunks it has; they are kept in order, so these are the first ones. */
  numChunks(): number {
    return Number(this.#file.prepare("SELECT count(*) AS n FROM chunks WHERE document = ?").get(this.#id)?.n);
  }

  /** Keeps a page; one that it has already stays as it is. */
  addPage({ page, text, thumbnail, vector }: NewPage): void {
    this.#write(() => {
      const { changes, lastInsertRowid } = this.#file
        .prepare("INSERT INTO pages (document, page, text, thumbnail) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .run(this.#id, page, text, thumbnail);
      if (changes === 0 || vector === null) return;
      this.#file.prepare("INSERT INTO draft_pages (page, vector) VALUES (?, ?)").run(lastInsertRowid, bytesOf(vector));
    });
  }

  /** Keeps chunks; those that it has already stay as they are. */
  addChunks(chunks: readonly NewChunk[]): void {
    this.#write(() => {
      for (const chunk of chunks) this.#addChunk(chunk);
    });
  }

  #addChunk({ ordinal, firstPage, lastPage, breaks, text, vector, words }: NewChunk): void {
    const { changes, lastInsertRowid } = this.#file
      .prepare(
        `INSERT INTO chunks (document, ordinal, first_page, last_page, breaks, text) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING`,
      )
      .run(this.#id, ordinal, firstPage, lastPage, JSON.stringify(breaks), text);
    if (changes === 0) return;
    this.#file
      .prepare("INSERT INTO draft_chunks (chunk, vector, words) VALUES (?, ?, ?)")
      .run(lastInsertRowid, bytesOf(vector), words);
  }

  /**
   * Makes the document part of the index, in one transaction: it is found whole from then on, and what the index had of the same content is
   * gone. Returns the document that is in the index now.
   */
  store(facts: { readonly title: string | null; readonly totalPages: number | null }): StoredDocument {
    const { sha256, settings } = this.#facts;
    return this.#file.write(() => {
      const stored = storedDocument(this.#file, sha256, settings);
      if (stored !== null) return stored;
      if (!this.#isDraft()) throw new Error("the draft of the document was removed while it was worked on");
      removeStored(this.#file, sha256);
      const numChunks = this.numChunks();
      for (const sql of MOVES) this.#file.prepare(sql).run(this.#id);
      this.#file
        .prepare(
          "UPDATE documents SET title = ?, total_pages = ?, num_chunks = ?, stored_at = unixepoch() WHERE id = ?",
        )
        .run(facts.title, facts.totalPages, numChunks, this.#id);
      return { documentId: this.#id, totalPages: facts.totalPages, numChunks };
    });
  }

  /** Gives the draft up: nothing of it stays. */
  discard(): void {
    discardDraft(this.#file, this.#facts);
  }

  #isDraft(): boolean {
    const row = this.#file.prepare("SELECT 1 FROM documents WHERE id = ? AND stored_at IS NULL").get(this.#id);
    return row !== undefined;
  }

  /** What was stored by somebody else meanwhile is whole already. */
  #write(work: () => void): void {
    this.#file.write(() => {
      if (this.#isDraft()) work();
    });
  }
}

/** An empty page or a text without words has a vector of zeros, which is like nothing: it is not searched for. */
const MOVES = [
  `INSERT INTO page_vectors (rowid, embedding)
   SELECT d.page, d.vector FROM draft_pages d JOIN pages p ON p.id = d.page
   WHERE p.document = ? AND d.vector <> zeroblob(length(d.vector))`,
  `INSERT INTO chunk_vectors (rowid, embedding)
   SELECT d.chunk, d.vector FROM draft_chunks d JOIN chunks c ON c.id = d.chunk
   WHERE c.document = ? AND d.vector <> zeroblob(length(d.vector))`,
  `INSERT INTO chunk_words (rowid, words)
   SELECT d.chunk, d.words FROM draft_chunks d JOIN chunks c ON c.id = d.chunk WHERE c.document = ?`,
  "DELETE FROM draft_pages WHERE page IN (SELECT id FROM pages WHERE document = ?)",
  "DELETE FROM draft_chunks WHERE chunk IN (SELECT id FROM chunks WHERE document = ?)",
] as const;

/** Takes a document out of the index with all that belongs to it; within the caller's transaction. False: there was none. */
export function removeStored(file: LibraryFile, sha256: string): boolean {
  const row = file.prepare("SELECT id FROM documents WHERE sha256 = ? AND stored_at IS NOT NULL").get(sha256);
  if (row === undefined) return false;
  const id = Number(row.id);
  for (const sql of [
    "DELETE FROM page_vectors WHERE rowid IN (SELECT id FROM pages WHERE document = ?)",
    "DELETE FROM chunk_vectors WHERE rowid IN (SELECT id FROM chunks WHERE document = ?)",
    "DELETE FROM chunk_words WHERE rowid IN (SELECT id FROM chunks WHERE document = ?)",
    "DELETE FROM documents WHERE id = ?",
  ]) {
    file.prepare(sql).run(id);
  }
  return true;
}

/** A vector as sqlite-vec reads it: little-endian 32-bit floats. */
export function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}
