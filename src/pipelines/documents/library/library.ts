import { MilepostError } from "../../../core/errors.ts";
import type { Json } from "../../../core/json.ts";
import { loadSharp } from "../../images/load-sharp.ts";
import type { Embedder, PageImage } from "../embed/embedder.ts";
import { loadEmbedder } from "../embed/load-embedder.ts";
import { removeStored } from "./draft.ts";
import { LibraryFile } from "./library-file.ts";
import { nearest, SEARCH_LIMITS, type SearchHit, searchText, toDocumentName } from "./search.ts";

/** How an index is opened. */
export interface LibraryOptions {
  /** The folder of the model that the index was made with; left out for the built-in embedder. */
  readonly model?: string;
}

/** A document as it lies in an index. */
export interface LibraryDocument {
  readonly id: number;
  readonly sha256: string;
  readonly filename: string;
  readonly path: string;
  readonly title: string | null;
  readonly format: string;
  readonly bytes: number;
  /** Null where the format has no pages. */
  readonly totalPages: number | null;
  readonly numChunks: number;
  readonly metadata: Json;
  readonly storedAt: Date;
}

/** A page that looks like another. */
export interface PageHit {
  readonly document: SearchHit["document"];
  readonly page: number;
  readonly score: number;
}

/**
 * An index of documents, as `milepost run documents` makes it: to be searched while documents are still being added. Each call
 * sees whole documents only. Calls are quick, but synchronous inside: a search compares the query with every vector.
 *
 * @example
 * const library = await openLibrary("library.db");
 * for (const { document, page, snippet } of await library.search("tidal energy", { limit: 5 })) {
 *   console.log(document.filename, page, snippet);
 * }
 * library.close();
 */
export class Library implements Disposable {
  readonly path: string;
  readonly #file: LibraryFile;
  readonly #embedder: Embedder;

  private constructor(file: LibraryFile, embedder: Embedder) {
    this.path = file.path;
    this.#file = file;
    this.#embedder = embedder;
  }

  /** @throws {MilepostError} as `LibraryFile.open` and `loadEmbedder` */
  static async open(path: string, options: LibraryOptions = {}): Promise<Library> {
    const embedder = await loadEmbedder(options.model ?? null);
    return new Library(await LibraryFile.open(path, { embedder }), embedder);
  }

  /**
   * The places that answer a query best: words in a row, single words (BM25) and likeness of vectors, fused. At most one
   * for each page. Any text is a query; of a long one the first 2,000 characters count.
   *
   * @param options.limit 1 to 100; default 10
   * @throws {MilepostError} `INVALID_ARGUMENT` for a limit outside of that
   */
  async search(query: string, options: { readonly limit?: number } = {}): Promise<readonly SearchHit[]> {
    return searchText(this.#file, this.#embedder, String(query), toLimit(options.limit));
  }

  /**
   * The pages that look most like an image, such as a picture of a page: by layout and colour, not by what is written there.
   * @param image an image file, or its bytes
   */
  async searchByImage(
    image: string | Uint8Array,
    options: { readonly limit?: number } = {},
  ): Promise<readonly PageHit[]> {
    const limit = toLimit(options.limit);
    const [vector] = await this.#embedder.embedImages([await readImage(image)]);
    if (vector === undefined) return [];
    return this.#file.read(() =>
      nearest(this.#file, "page_vectors", vector, limit).flatMap((id, index) => {
        const row = this.#file
          .prepare(
            `SELECT p.page, d.id, d.sha256, d.filename, d.path, d.title
             FROM pages p JOIN documents d ON d.id = p.document WHERE p.id = ?`,
          )
          .get(id);
        if (row === undefined) return [];
        return [{ document: toDocumentName(row), page: Number(row.page), score: 1 / (index + 1) }];
      }),
    );
  }

  /** The document with this content; undefined if it is not in the index. */
  async document(sha256: string): Promise<LibraryDocument | undefined> {
    const row = this.#file.prepare("SELECT * FROM documents WHERE sha256 = ? AND stored_at IS NOT NULL").get(sha256);
    return row === undefined ? undefined : toDocument(row);
  }

  /** Documents in the order in which they came; `after` is the `id` of the last one of the page before. */
  async documents(
    options: { readonly limit?: number; readonly after?: number } = {},
  ): Promise<readonly LibraryDocument[]> {
    return this.#file
      .prepare("SELECT * FROM documents WHERE stored_at IS NOT NULL AND id > ? ORDER BY id LIMIT ?")
      .all(options.after ?? 0, toLimit(options.limit ?? SEARCH_LIMITS.hits))
      .map(toDocument);
  }

  /** The small picture of a page as JPEG; undefined if there is none. */
  async thumbnail(sha256: string, page: number): Promise<Uint8Array | undefined> {
    const row = this.#file
      .prepare(
        `SELECT p.thumbnail FROM pages p JOIN documents d ON d.id = p.document
         WHERE d.sha256 = ? AND d.stored_at IS NOT NULL AND p.page = ?`,
      )
      .get(sha256, page);
    return row?.thumbnail instanceof Uint8Array ? row.thumbnail : undefined;
  }

  /** Takes a document out of the index, with what is half done of it. False: it was not there whole. */
  async remove(sha256: string): Promise<boolean> {
    return this.#file.write(() => {
      this.#file.prepare("DELETE FROM documents WHERE sha256 = ? AND stored_at IS NULL").run(sha256);
      return removeStored(this.#file, sha256);
    });
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const IMAGE_SIDE = 512;
const IMAGE_PIXELS = 50_000_000;

async function readImage(image: string | Uint8Array): Promise<PageImage> {
  const sharp = await loadSharp();
  const { data, info } = await sharp(image, { limitInputPixels: IMAGE_PIXELS, autoOrient: true })
    .resize(IMAGE_SIDE, IMAGE_SIDE, { fit: "inside" })
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        "the image cannot be read; expected JPEG, PNG, WebP, AVIF, GIF or TIFF",
        {
          cause,
        },
      );
    });
  // A copy: pixels are read as whole numbers, and a pooled buffer may begin anywhere.
  return { width: info.width, height: info.height, rgba: Uint8Array.from(data) };
}

function toLimit(limit = 10): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= SEARCH_LIMITS.hits) return limit;
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `limit must be a whole number from 1 to ${SEARCH_LIMITS.hits}; found ${String(limit)}`,
  );
}

function toDocument(row: Readonly<Record<string, unknown>>): LibraryDocument {
  return {
    ...toDocumentName(row),
    format: String(row.format),
    bytes: Number(row.bytes),
    totalPages: row.total_pages === null ? null : Number(row.total_pages),
    numChunks: Number(row.num_chunks),
    metadata: JSON.parse(String(row.metadata)) as Json,
    storedAt: new Date(Number(row.stored_at) * 1_000),
  };
}
