import type { Embedder } from "../embed/embedder.ts";

/** Marks a file as an index of documents in its header: "MLIB" in ASCII. */
export const LIBRARY_ID = 0x4d4c4942;
/** Raised with each change of the tables; a file of another version is refused. */
export const LIBRARY_VERSION = 1;

/**
 * The tables of an index. A document is a *draft* until `stored_at` is set: its pages and chunks are kept, so that work on it can go
 * on, and nothing of it is in the three tables that are searched. Those are filled in the transaction that sets `stored_at`.
 */
export function librarySchema({ name, dimensions }: Embedder): string {
  return `
    CREATE TABLE library (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      embedder TEXT NOT NULL, text_dimensions INTEGER NOT NULL, image_dimensions INTEGER NOT NULL
    ) STRICT;
    INSERT INTO library VALUES (1, '${name.replaceAll("'", "''")}', ${dimensions.texts}, ${dimensions.images});

    CREATE TABLE documents (
      id INTEGER PRIMARY KEY,
      sha256 TEXT NOT NULL, settings TEXT NOT NULL,
      filename TEXT NOT NULL, path TEXT NOT NULL, metadata TEXT NOT NULL, format TEXT NOT NULL,
      bytes INTEGER NOT NULL, title TEXT, total_pages INTEGER, num_chunks INTEGER,
      started_at INTEGER NOT NULL, stored_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX stored_documents ON documents (sha256) WHERE stored_at IS NOT NULL;
    CREATE UNIQUE INDEX draft_documents ON documents (sha256, settings) WHERE stored_at IS NULL;

    CREATE TABLE pages (
      id INTEGER PRIMARY KEY,
      document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      page INTEGER NOT NULL, text TEXT NOT NULL, thumbnail BLOB,
      UNIQUE (document, page)
    ) STRICT;
    CREATE TABLE chunks (
      id INTEGER PRIMARY KEY,
      document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      ordinal INTEGER NOT NULL, first_page INTEGER, last_page INTEGER, breaks TEXT NOT NULL, text TEXT NOT NULL,
      UNIQUE (document, ordinal)
    ) STRICT;

    CREATE TABLE draft_pages (page INTEGER PRIMARY KEY REFERENCES pages (id) ON DELETE CASCADE, vector BLOB NOT NULL) STRICT;
    CREATE TABLE draft_chunks (
      chunk INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE, vector BLOB NOT NULL, words TEXT NOT NULL
    ) STRICT;

    CREATE VIRTUAL TABLE page_vectors USING vec0(embedding float[${dimensions.images}] distance_metric=cosine);
    CREATE VIRTUAL TABLE chunk_vectors USING vec0(embedding float[${dimensions.texts}] distance_metric=cosine);
    CREATE VIRTUAL TABLE chunk_words USING fts5(words, content='', contentless_delete=1,
      tokenize="unicode61 remove_diacritics 0 categories 'L* N* Co M*'");
    PRAGMA application_id = ${LIBRARY_ID};
    PRAGMA user_version = ${LIBRARY_VERSION};`;
}
