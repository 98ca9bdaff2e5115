import type { z } from "zod";
import type { WireBatch, WireBatchesPage } from "../wire/batch.ts";
import type { BatchStatusQuery, WireBatchStatus } from "../wire/batch-status.ts";
import type { WireFailures, WireStages } from "../wire/breakdown.ts";
import type {
  batchControlledSchema,
  itemControlledSchema,
  queueControlledSchema,
  removedSchema,
} from "../wire/control.ts";
import type { WireItemDetail, WireItemsPage } from "../wire/item.ts";
import type { WirePipelines } from "../wire/pipelines.ts";
import type { WireBatchAccepted, WireProcessBatch } from "../wire/process-batch.ts";
import type { queuesSchema, WireQueue } from "../wire/queue.ts";
import type { additionSchema, submissionSchema, WireSubmitted } from "../wire/submission.ts";
import type { WireUploaded, WireUploads } from "../wire/uploads.ts";
import type { WireDrained, WireWorkers } from "../wire/worker.ts";
import { type ClientOptions, Connection, type Query } from "./connection.ts";
import { DocumentsClient } from "./documents.ts";
import type { StreamOptions } from "./event-source.ts";
import { type UploadFile, type UploadOptions, upload } from "./upload.ts";
import { type BatchUpdate, type OverviewUpdate, type WatchOptions, watchBatch, watchMany } from "./watch.ts";

// What calls answer, so that a program can name it.
export type { WireBatch, WireBatchesPage } from "../wire/batch.ts";
export type { BatchStatusQuery, WireBatchStatus } from "../wire/batch-status.ts";
export type { WireFailures, WireStages } from "../wire/breakdown.ts";
export type { WireDocument, WireDocumentHits, WireDocuments, WireDocumentsAccepted } from "../wire/document.ts";
export type { WireChangedItem } from "../wire/event.ts";
export type { WireItem, WireItemDetail, WireItemsPage } from "../wire/item.ts";
export type { WirePipelines } from "../wire/pipelines.ts";
export type { Problem } from "../wire/problem.ts";
export type { WireBatchAccepted, WireProcessBatch } from "../wire/process-batch.ts";
export type { WireQueue } from "../wire/queue.ts";
export type { WireSubmitted } from "../wire/submission.ts";
export type { WireUpload, WireUploaded, WireUploads } from "../wire/uploads.ts";
export type { WireDrained, WireWorker, WireWorkers } from "../wire/worker.ts";
export { ApiError } from "./api-error.ts";
export type { ClientOptions } from "./connection.ts";
export type { DocumentsClient, DocumentsFilter, DocumentsUpdate, OfOwner } from "./documents.ts";
export type { StreamOptions, StreamState } from "./event-source.ts";
export type { UploadFile, UploadOptions } from "./upload.ts";
export type { BatchUpdate, OverviewUpdate, WatchOptions } from "./watch.ts";

/** A batch after a command, and what is outstanding of a pause or stop that not every worker has acted on yet. */
export type BatchControlled = z.infer<typeof batchControlledSchema>;
/** An item after a command. */
export type ItemControlled = z.infer<typeof itemControlledSchema>;
/** A queue after a command, as of a batch. */
export type QueueControlled = z.infer<typeof queueControlledSchema>;
/** How many items a removal took. */
export type Removed = z.infer<typeof removedSchema>;
/** A batch to submit; the operator's alone. */
export type NewBatch = z.input<typeof submissionSchema>;
/** Items to add to a batch. */
export type NewItems = z.input<typeof additionSchema>;

/** Makes the same request once, however often it is sent. */
export interface Once {
  readonly idempotencyKey?: string;
}

/** Which batches are listed; each condition that is given must hold. */
export interface BatchesFilter {
  readonly status?: WireBatch["status"];
  readonly queue?: string;
  /** The operator's alone. */
  readonly owner?: string;
  readonly ended?: boolean;
  /** Whether to tell the `total` too. */
  readonly count?: boolean;
  readonly cursor?: string;
  readonly limit?: number;
}

/** Which items of a batch are listed; each condition that is given must hold. */
export interface ItemsFilter {
  readonly state?: WireItemDetail["state"];
  readonly stage?: string;
  readonly error?: string;
  /** A part of the key or the filename. */
  readonly search?: string;
  readonly cursor?: string;
  /** Begin with the item that was submitted as this one, from 0; not with `cursor`. */
  readonly from?: number;
  readonly limit?: number;
}

/**
 * A server's API with types: in browsers and in Node, without any dependency.
 *
 * Every call throws `ApiError` where the server refuses. Nothing is sent again by itself but reading of events.
 *
 * @example
 * const client = createClient({ url: "http://127.0.0.1:7077" });
 * const { files } = await client.upload([file], { onProgress: (sent, total) => show(sent / total) });
 * const { batchId } = await client.processBatch({ fileIds: files.map(({ fileId }) => fileId) });
 * for await (const { batch } of client.batch(batchId).watch()) show(batch.percent);
 */
export function createClient(options: ClientOptions): Client {
  return new Client(new Connection(options));
}

/** See `createClient`. */
export class Client {
  /** The caller's documents. */
  readonly documents: DocumentsClient;
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.documents = new DocumentsClient(connection);
  }

  /** Sends files in, all or none; they are durable when it resolves. Begins a session for whoever has none. */
  upload(files: readonly UploadFile[], options?: UploadOptions): Promise<WireUploaded> {
    return upload<WireUploaded>(this.#connection, "/api/uploads", files, options);
  }

  /** What the session has sent in. */
  uploads(): Promise<WireUploads> {
    return this.#get("/api/uploads");
  }

  async deleteUpload(fileId: string): Promise<void> {
    await this.#connection.open("DELETE", path`/api/uploads/${fileId}`);
  }

  /** Makes a batch of uploads. Resolves as soon as it is recorded; the work goes on. */
  processBatch(request: WireProcessBatch, once?: Once): Promise<WireBatchAccepted> {
    return this.#post("/api/process-batch", request, once);
  }

  /** Where a batch stands, with a page of its images. */
  batchStatus(batchId: string, query?: Partial<BatchStatusQuery>): Promise<WireBatchStatus> {
    return this.#get(path`/api/batch-status/${batchId}`, { ...query });
  }

  /** What can be done with uploads. */
  pipelines(): Promise<WirePipelines> {
    return this.#get("/api/pipelines");
  }

  /** The caller's batches, of the operator everybody's; the newest first. */
  batches(filter?: BatchesFilter): Promise<WireBatchesPage> {
    return this.#get("/api/batches", { ...filter });
  }

  /** Submits a batch for any worker that declares its pipeline; the operator's alone. */
  submit(batch: NewBatch, once?: Once): Promise<WireSubmitted> {
    return this.#post("/api/batches", batch, once);
  }

  /** A batch by its id. Asks nothing yet. */
  batch(batchId: string): BatchClient {
    return new BatchClient(this.#connection, batchId);
  }

  /** Many batches as they change, until the caller stops: at most 200 by id, or `all` that run: of a session its own. */
  watchMany(
    batchIds: readonly string[] | "all",
    options: StreamOptions = {},
  ): AsyncGenerator<OverviewUpdate, void, undefined> {
    return watchMany(this.#connection, batchIds, options);
  }

  queues(): Promise<z.infer<typeof queuesSchema>> {
    return this.#get("/api/queues");
  }

  queue(name: string): QueueClient {
    return new QueueClient(this.#connection, name);
  }

  /** Sessions of workers, each with up to `items` (default 0) of what it holds. */
  workers(options: { readonly items?: number } = {}): Promise<WireWorkers> {
    return this.#get("/api/workers", options);
  }

  /** Lets a worker finish what it runs and leave. The order stands, whether `isConfirmed` or not yet. */
  drain(workerId: string): Promise<WireDrained> {
    return this.#post(`/api/workers/${encodeURIComponent(workerId)}/drain`, {});
  }

  #get<T>(address: string, query?: Query): Promise<T> {
    return this.#connection.call("GET", address, query === undefined ? {} : { query });
  }

  #post<T>(address: string, body: unknown, once: Once = {}): Promise<T> {
    const headers = once.idempotencyKey === undefined ? {} : { "idempotency-key": once.idempotencyKey };
    return this.#connection.call("POST", address, { body, headers });
  }
}

/** One batch of a server. */
export class BatchClient {
  readonly #connection: Connection;
  readonly #id: string;

  constructor(connection: Connection, id: string) {
    this.#connection = connection;
    this.#id = id;
  }

  read(): Promise<WireBatch> {
    return this.#connection.call("GET", this.#path());
  }

  /** The batch as it changes, until it has ended or is removed; breaks of the connection are bridged. */
  watch(options: WatchOptions = {}): AsyncGenerator<BatchUpdate, void, undefined> {
    return watchBatch(this.#connection, this.#id, options);
  }

  items(filter: ItemsFilter = {}): Promise<WireItemsPage> {
    return this.#connection.call("GET", this.#path("/items"), { query: { ...filter } });
  }

  item(itemId: string): ItemClient {
    return new ItemClient(this.#connection, this.#path(path`/items/${itemId}`));
  }

  /** Failed items by message. */
  failures(): Promise<WireFailures> {
    return this.#connection.call("GET", this.#path("/failures"));
  }

  /** How many items are in each stage now. */
  stages(): Promise<WireStages> {
    return this.#connection.call("GET", this.#path("/stages"));
  }

  /** Adds items; keys that it knows keep their state. */
  add(items: NewItems): Promise<WireSubmitted> {
    return this.#connection.call("POST", this.#path("/items"), { body: items });
  }

  /** No more items: it ends when all that it has are terminal. */
  seal(): Promise<BatchControlled> {
    return this.#control("seal");
  }

  /** Starts nothing new; what runs finishes. Answered when workers have acted on it, or says what is outstanding. */
  pause(): Promise<BatchControlled> {
    return this.#control("pause");
  }

  resume(): Promise<BatchControlled> {
    return this.#control("resume");
  }

  /** A pause, and what runs is given back with what it saved. */
  stop(): Promise<BatchControlled> {
    return this.#control("stop");
  }

  /** Ends what has not ended as cancelled. */
  cancel(): Promise<BatchControlled> {
    return this.#control("cancel");
  }

  /** Failed and cancelled items run again; `failed`: failed ones alone, `error`: those that failed with this message. */
  retry(options: { readonly failed?: boolean; readonly error?: string } = {}): Promise<BatchControlled> {
    return this.#control("retry", options);
  }

  setPriority(priority: NonNullable<NewBatch["priority"]>): Promise<BatchControlled> {
    return this.#control("priority", { priority });
  }

  /** Deletes it with its items and files; refused while one runs. */
  remove(): Promise<Removed> {
    return this.#connection.call("DELETE", this.#path());
  }

  /** All outputs as one ZIP, as it comes. */
  outputs(options: { readonly signal?: AbortSignal } = {}): Promise<Response> {
    return this.#connection.open("GET", this.#path("/outputs.zip"), options);
  }

  #control(name: string, body: unknown = {}): Promise<BatchControlled> {
    return this.#connection.call("POST", this.#path(`/${name}`), { body });
  }

  #path(end = ""): string {
    return path`/api/batches/${this.#id}` + end;
  }
}

/** One item of a batch. */
export class ItemClient {
  readonly #connection: Connection;
  readonly #path: string;

  constructor(connection: Connection, address: string) {
    this.#connection = connection;
    this.#path = address;
  }

  read(): Promise<WireItemDetail> {
    return this.#connection.call("GET", this.#path);
  }

  hold(): Promise<ItemControlled> {
    return this.#control("hold");
  }

  unhold(): Promise<ItemControlled> {
    return this.#control("unhold");
  }

  cancel(): Promise<ItemControlled> {
    return this.#control("cancel");
  }

  retry(): Promise<ItemControlled> {
    return this.#control("retry");
  }

  setPriority(priority: NonNullable<NewBatch["priority"]>): Promise<ItemControlled> {
    return this.#control("priority", { priority });
  }

  remove(): Promise<Removed> {
    return this.#connection.call("DELETE", this.#path);
  }

  /** The file that the item made, as it comes. */
  output(options: { readonly signal?: AbortSignal } = {}): Promise<Response> {
    return this.#connection.open("GET", `${this.#path}/output`, options);
  }

  /**
   * A small PNG of a frame of a karaoke export.
   * @param options `at`: seconds into the video; default: the frame that the export has reached
   */
  preview(options: { readonly at?: number; readonly signal?: AbortSignal } = {}): Promise<Response> {
    const { at, ...rest } = options;
    return this.#connection.open("GET", `${this.#path}/preview${at === undefined ? "" : `?at=${at}`}`, rest);
  }

  #control(name: string, body: unknown = {}): Promise<ItemControlled> {
    return this.#connection.call("POST", `${this.#path}/${name}`, { body });
  }
}

/** One queue of a server; the operator's alone. */
export class QueueClient {
  readonly #connection: Connection;
  readonly #path: string;

  constructor(connection: Connection, name: string) {
    this.#connection = connection;
    this.#path = path`/api/queues/${name}`;
  }

  read(): Promise<WireQueue> {
    return this.#connection.call("GET", this.#path);
  }

  pause(): Promise<QueueControlled> {
    return this.#control("pause");
  }

  resume(): Promise<QueueControlled> {
    return this.#control("resume");
  }

  stop(): Promise<QueueControlled> {
    return this.#control("stop");
  }

  clear(): Promise<QueueControlled> {
    return this.#control("clear");
  }

  /** How many of its items may run at once over all workers; null: as many as there are workers for. */
  setConcurrency(concurrency: number | null): Promise<QueueControlled> {
    return this.#control("concurrency", { concurrency });
  }

  #control(name: string, body: unknown = {}): Promise<QueueControlled> {
    return this.#connection.call("POST", `${this.#path}/${name}`, { body });
  }
}

/** An address whose parts are escaped. */
function path(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return texts.reduce((all, text, index) => all + encodeURIComponent(values[index - 1] ?? "") + text);
}
