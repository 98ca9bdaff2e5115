import { DatabaseSync } from "node:sqlite";
import { getLoadablePath } from "sqlite-vec";
import { BUILT_IN_EMBEDDER } from "../../../src/pipelines/documents/embed/built-in-embedder.ts";
import { hashText } from "../../../src/pipelines/documents/embed/text-hashing.ts";
import { bytesOf } from "../../../src/pipelines/documents/library/draft.ts";
import { LibraryFile } from "../../../src/pipelines/documents/library/library-file.ts";
import { SeededRandom } from "../../../src/testing/seeded-random.ts";

const WORDS =
  "tidal energy comes twice a day and nobody has to ask for it while rivers wait in winter under bridges of stone".split(
    " ",
  );
const WORDS_A_CHUNK = 10;
const TEXTS = 5_000;
const CHUNKS_A_DOCUMENT = 1_000;

/**
 * Makes an index of so many chunks, in which every word stands in very many: what a search costs there is what it costs at that size. Written past the
 * pipeline, without a log, since it is made for one scene.
 */
export async function makeLargeIndex(path: string, chunks: number): Promise<void> {
  (await LibraryFile.open(path, { embedder: BUILT_IN_EMBEDDER, create: true })).close();
  const random = new SeededRandom(1);
  const texts = Array.from({ length: TEXTS }, () =>
    Array.from({ length: WORDS_A_CHUNK }, () => WORDS[random.whole(WORDS.length)]).join(" "),
  ).map((text) => ({ text, vector: bytesOf(hashText(text)) }));
  const db = new DatabaseSync(path, { allowExtension: true });
  db.loadExtension(getLoadablePath());
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN");
  const document = db.prepare(
    `INSERT INTO documents (id, sha256, settings, filename, path, metadata, format, bytes, num_chunks, started_at, stored_at)
     VALUES (?1, ?1, '', 'document ' || ?1, '', '{}', 'text', 0, ${CHUNKS_A_DOCUMENT}, 0, 0)`,
  );
  const chunk = db.prepare("INSERT INTO chunks (id, document, ordinal, breaks, text) VALUES (?, ?, ?, '[]', ?)");
  const vector = db.prepare("INSERT INTO chunk_vectors (rowid, embedding) VALUES (?, ?)");
  const words = db.prepare("INSERT INTO chunk_words (rowid, words) VALUES (?, ?)");
  for (let id = 1; id <= chunks; id++) {
    const of = Math.ceil(id / CHUNKS_A_DOCUMENT);
    if (id % CHUNKS_A_DOCUMENT === 1) document.run(of);
    const drawn = texts[random.whole(TEXTS)];
    if (drawn === undefined) throw new Error("nothing was drawn");
    chunk.run(id, of, id, drawn.text);
    vector.run(BigInt(id), drawn.vector);
    words.run(id, drawn.text);
  }
  db.exec("COMMIT; PRAGMA journal_mode = WAL");
  db.close();
}
