import type { z } from "zod";
import type {
  cleanedUpSchema,
  DocumentEvents,
  DocumentsEvents,
  WireDocument,
  WireDocumentHits,
  WireDocuments,
  WireDocumentsAccepted,
} from "../wire/document.ts";
import type { Connection } from "./connection.ts";
import { readEvents, type StreamOptions } from "./event-source.ts";
import { type UploadFile, type UploadOptions, upload } from "./upload.ts";

/** Which documents are listed. */
export interface DocumentsFilter {
  /** Only those that have not ended. */
  readonly active?: boolean;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
  readonly limit?: number;
  /** The operator's alone: whose. */
  readonly owner?: string;
}

/** Whose documents; the operator's alone. Default: everybody's, and of indexes the caller's own. */
export interface OfOwner {
  readonly owner?: string;
}

/** What became of documents since the update before. */
export interface DocumentsUpdate {
  /** Documents that came or changed, each as it is now. */
  readonly documents: readonly WireDocument[];
  /** Ids of documents that are not there any more. */
  readonly removed: readonly string[];
  /** True for the first update, and where there was no way on from what was known: these are all, most recent first. */
  readonly isFresh: boolean;
}

/** The caller's documents: where they stand, and what is in them. */
export class DocumentsClient {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The most recent first. */
  list(filter: DocumentsFilter = {}): Promise<WireDocuments> {
    return this.#connection.call("GET", "/api/documents", { query: { ...filter } });
  }

  get(docId: string, query: OfOwner = {}): Promise<WireDocument> {
    return this.#connection.call("GET", pathOf(docId), { query: { ...query } });
  }

  /** Sends documents in; they are stored in the caller's index, one after another, and found as soon as they are whole. */
  upload(files: readonly UploadFile[], options?: UploadOptions): Promise<WireDocumentsAccepted> {
    return upload<WireDocumentsAccepted>(this.#connection, "/api/documents", files, options);
  }

  /** Places that answer a query, the best first. */
  search(query: string, options: OfOwner & { readonly limit?: number } = {}): Promise<WireDocumentHits> {
    return this.#connection.call("GET", "/api/documents/search", { query: { q: query, ...options } });
  }

  /** The document as it changes, until it has ended or is removed; breaks of the connection are bridged. */
  async *watch(
    docId: string,
    { owner, ...options }: OfOwner & StreamOptions = {},
  ): AsyncGenerator<WireDocument, void, undefined> {
    const path = `${pathOf(docId)}/events`;
    for await (const { event, data } of readEvents(this.#connection, path, { ...options, query: { owner } })) {
      if (event === "snapshot" || event === "changes") yield (JSON.parse(data) as DocumentEvents["changes"]).document;
      else if (event === "end" || event === "removed") return;
    }
  }

  /**
   * All documents as they change, until the caller stops: first those under way and the most recent, up to `limit` of each (default 100), then
   * whatever comes, changes or is removed. What was missed while a connection was broken is told again as a whole.
   */
  async *watchAll({
    owner,
    limit,
    ...options
  }: OfOwner & StreamOptions & { readonly limit?: number } = {}): AsyncGenerator<DocumentsUpdate, void, undefined> {
    const query = { owner, limit };
    let shown: WireDocument[] = [];
    for await (const { event, data } of readEvents(this.#connection, "/api/documents/events", { ...options, query })) {
      if (event === "removed") {
        yield { documents: [], removed: (JSON.parse(data) as DocumentsEvents["removed"]).docIds, isFresh: false };
      } else if (event === "snapshot") {
        const { documents, isFirst, isLast } = JSON.parse(data) as DocumentsEvents["snapshot"];
        shown = isFirst ? [...documents] : [...shown, ...documents];
        if (isLast) yield { documents: shown, removed: [], isFresh: true };
      } else if (event === "changes") {
        yield { documents: (JSON.parse(data) as DocumentsEvents["changes"]).documents, removed: [], isFresh: false };
      }
    }
  }

  /** The small picture of a page of a PDF, a JPEG. */
  thumbnail(
    docId: string,
    page: number,
    { owner, ...options }: OfOwner & { readonly signal?: AbortSignal } = {},
  ): Promise<Response> {
    return this.#connection.open("GET", `${pathOf(docId)}/pages/${page}/thumbnail`, { ...options, query: { owner } });
  }

  /** Removes entries of documents that ended so long ago; default an hour. */
  cleanUp(options: { readonly maxAgeSeconds?: number } = {}): Promise<z.infer<typeof cleanedUpSchema>> {
    return this.#connection.call("POST", "/api/documents/cleanup", { body: options });
  }
}

function pathOf(docId: string): string {
  return `/api/documents/${encodeURIComponent(docId)}`;
}
