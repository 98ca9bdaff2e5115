import type { Embedder } from "../embed/embedder.ts";
import { type PageBreak, pageAt } from "../text/chunks.ts";
import { type Word, wordsOf } from "../text/words.ts";
import { bytesOf } from "./draft.ts";
import { fuseRanks } from "./fuse-ranks.ts";
import type { LibraryFile } from "./library-file.ts";
import { snippetOf } from "./snippet.ts";

/** A place of a document that answers a query. */
export interface SearchHit {
  readonly document: {
    readonly id: number;
    readonly sha256: string;
    readonly filename: string;
    readonly path: string;
    readonly title: string | null;
  };
  /** Counted from 1; null where the format has no pages. */
  readonly page: number | null;
  /** Only to compare the hits of one search. */
  readonly score: number;
  /** Text of the document as it stands there: escape it before it is shown. */
  readonly snippet: string;
}

export const SEARCH_LIMITS = {
  /** Characters and words of a query that count; what is beyond is left out. */
  queryCharacters: 2_000,
  queryWords: 64,
  hits: 100,
} as const;

/** Places that each way of searching brings along, as a multiple of what is asked for: several lie on one page. */
const CANDIDATES_FACTOR = 5;
const CANDIDATES_MIN = 50;
/** More than both other lists together: who repeats a sentence word by word means that sentence. */
const PHRASE_WEIGHT = 3;

/**
 * Looks for a text in three ways and fuses their ranks: the exact words in a row, any of the words by BM25, and the nearest vectors.
 * At most one hit for each page. No query is an error: one without words finds nothing.
 */
export async function searchText(
  file: LibraryFile,
  embedder: Embedder,
  query: string,
  limit: number,
): Promise<readonly SearchHit[]> {
  const text = query.slice(0, SEARCH_LIMITS.queryCharacters).toWellFormed();
  const words = [...wordsOf(text)].slice(0, SEARCH_LIMITS.queryWords);
  if (words.length === 0) return [];
  const [vector] = await embedder.embedTexts([text]);
  const count = Math.max(CANDIDATES_MIN, limit * CANDIDATES_FACTOR);
  const forms = new Set(words.map(({ form }) => form));
  return file.read(() => {
    const near =
      vector === undefined || vector.every((value) => value === 0) ? [] : nearest(file, "chunk_vectors", vector, count);
    const lists = [
      { ids: matching(file, toPhrase(words), count), weight: PHRASE_WEIGHT },
      { ids: matching(file, anyOf(words), count), weight: 1 },
      { ids: near, weight: 1 },
    ];
    return toHits(file, fuseRanks(lists), forms, limit);
  });
}

/** Rows of a table of vectors, the nearest first. */
export function nearest(
  file: LibraryFile,
  table: "chunk_vectors" | "page_vectors",
  vector: Float32Array,
  count: number,
): readonly number[] {
  const rows = file.prepare(`SELECT rowid AS id FROM ${table} WHERE embedding MATCH ? AND k = ?`);
  return rows.all(bytesOf(vector), count).map(({ id }) => Number(id));
}

function matching(file: LibraryFile, query: string, count: number): readonly number[] {
  return file
    .prepare("SELECT rowid AS id FROM chunk_words WHERE chunk_words MATCH ? ORDER BY rank LIMIT ?")
    .all(query, count)
    .map(({ id }) => Number(id));
}

/** Each word in quotation marks: nothing in it is then an operator of FTS5. Words hold letters, digits and marks alone. */
function phraseOf(words: readonly Word[]): string {
  return `"${words.map(({ form }) => form).join(" ")}"`;
}

/** All the words in a row. */
function toPhrase(words: readonly Word[]): string {
  const last = words.at(-1);
  const isRun = last?.isPiece === true && (words.at(-2)?.isPiece ?? false);
  return phraseOf(isRun ? words.slice(0, -1) : words);
}

/** Any of the words; the pieces of one run of a script without spaces stay together. */
function anyOf(words: readonly Word[]): string {
  const runs: Word[][] = [];
  for (const word of words) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const isSameRun = word.isPiece && before?.isPiece === true && word.start < before.end;
    if (isSameRun) run?.push(word);
    else runs.push([word]);
  }
  return runs.map(toTerm).join(" OR ");
}

/**
 * The last letter of a run stands alone where the run ends. A query's run may go on in the text, so its last letter is left out; of a run
 * of one letter, what begins with it is looked for.
 */
function toTerm(run: readonly Word[]): string {
  if (run[0]?.isPiece !== true) return phraseOf(run);
  return run.length === 1 ? `${phraseOf(run)} *` : phraseOf(run.slice(0, -1));
}

interface ChunkRow {
  readonly text: string;
  readonly firstPage: number | null;
  readonly breaks: readonly PageBreak[];
  readonly document: SearchHit["document"];
}

function toHits(
  file: LibraryFile,
  ranked: readonly { readonly id: number; readonly score: number }[],
  wanted: ReadonlySet<string>,
  limit: number,
): readonly SearchHit[] {
  const hits: SearchHit[] = [];
  const places = new Set<string>();
  for (const { id, score } of ranked) {
    if (hits.length === limit) break;
    const chunk = chunkAt(file, id);
    if (chunk === null) continue;
    const { text, at } = snippetOf(chunk.text, wanted);
    const page = pageAt(chunk, at);
    // Where there are no pages, each chunk is a place of its own.
    const place = `${chunk.document.id} ${page ?? `chunk ${id}`}`;
    if (places.has(place)) continue;
    places.add(place);
    hits.push({ document: chunk.document, page, score, snippet: text });
  }
  return hits;
}

function chunkAt(file: LibraryFile, id: number): ChunkRow | null {
  const row = file
    .prepare(
      `SELECT c.text, c.first_page, c.breaks, d.id, d.sha256, d.filename, d.path, d.title
       FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id = ? AND d.stored_at IS NOT NULL`,
    )
    .get(id);
  if (row === undefined) return null;
  return {
    text: String(row.text),
    firstPage: row.first_page === null ? null : Number(row.first_page),
    breaks: JSON.parse(String(row.breaks)) as readonly PageBreak[],
    document: toDocumentName(row),
  };
}

export function toDocumentName(row: Readonly<Record<string, unknown>>): SearchHit["document"] {
  return {
    id: Number(row.id),
    sha256: String(row.sha256),
    filename: String(row.filename),
    path: String(row.path),
    title: row.title === null ? null : String(row.title),
  };
}
