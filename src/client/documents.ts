import type { z } from "zod";
import type {
  cleanedUpSchema,
  DocumentEvents,
  WireDocument,
  WireDocumentHits,
  WireDocuments,
  WireDocumentsAccepted,
} from "../wire/document.ts";
import type { Connection } from "./connection.ts";
import { readEvents, type StreamOptions } from "./event-source.ts";
import { type UploadFile, type UploadOptions, upload } from "./upload.ts";

export interface DocumentsFilter {
  /** Only those that have not ended. */
  readonly active?: boolean;
  /** The `nextCursor` of the page before. */
  readonly cursor?: string;
  readonly limit?: number;
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

  get(docId: string): Promise<WireDocument> {
    return this.#connection.call("GET", pathOf(docId));
  }

  /** Sends documents in; they are stored in the caller's index, one after another, and found as soon as they are whole. */
  upload(files: readonly UploadFile[], options?: UploadOptions): Promise<WireDocumentsAccepted> {
    return upload<WireDocumentsAccepted>(this.#connection, "/api/documents", files, options);
  }

  /** Places that answer a query, the best first. */
  search(query: string, options: { readonly limit?: number } = {}): Promise<WireDocumentHits> {
    return this.#connection.call("GET", "/api/documents/search", { query: { q: query, ...options } });
  }

  /** The document as it changes, until it has ended or is removed; breaks of the connection are bridged. */
  async *watch(docId: string, options: StreamOptions = {}): AsyncGenerator<WireDocument, void, undefined> {
    for await (const { event, data } of readEvents(this.#connection, `${pathOf(docId)}/events`, options)) {
      if (event === "snapshot" || event === "changes") yield (JSON.parse(data) as DocumentEvents["changes"]).document;
      else if (event === "end" || event === "removed") return;
    }
  }

  /** The small picture of a page of a PDF, a JPEG. */
  thumbnail(docId: string, page: number, options: { readonly signal?: AbortSignal } = {}): Promise<Response> {
    return this.#connection.open("GET", `${pathOf(docId)}/pages/${page}/thumbnail`, options);
  }

  /** Removes entries of documents that ended so long ago; default an hour. */
  cleanUp(options: { readonly maxAgeSeconds?: number } = {}): Promise<z.infer<typeof cleanedUpSchema>> {
    return this.#connection.call("POST", "/api/documents/cleanup", { body: options });
  }
}

function pathOf(docId: string): string {
  return `/api/documents/${encodeURIComponent(docId)}`;
}
