import { MilepostError } from "../core/errors.ts";
import type { ItemSnapshot } from "../core/item.ts";
import type { Json } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { requireWhole } from "../core/options.ts";
import type { Batch } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import { requireText } from "../engine/submit.ts";
import type { ItemChange } from "../engine/tracker.ts";
import type { OpenOptions } from "../open-milepost.ts";
import {
  type DocumentDetails,
  type Metadata,
  pagesOf,
  readDetails,
  requireActive,
  requireMove,
  toChange,
  toMetadata,
} from "./document-report.ts";
import { DOCUMENT_STATES, DocumentState, REPORTED, STAGE_NAMES } from "./document-state.ts";
import type { DocumentRecord, DocumentStatus } from "./document-status.ts";
import { DOCUMENTS_QUEUE, Documents, type DocumentsPlace, REPORTED_BATCH } from "./documents.ts";
import { ViewEngine } from "./view-engine.ts";

/** Loaded when a document is read first: who imports Milepost for other work need not wait for Zod, or make room for it. */
const schemas = () => import("./document-status.ts");

/** The pipeline name of reported documents: no worker runs it. */
const TRACKED = "tracked";
const CLEANUP_EVERY_MS = 15 * 60_000;
const MAX_AGE_SECONDS = 3_600;
/** The death of a caller's process says nothing against the document. */
const CRASH_BUDGET = 1_000;

/** Whose documents are managed, and whether they are cleaned up. */
export interface StatusManagerOptions extends Pick<OpenOptions, "clock" | "logger"> {
  /** Reads documents of this owner alone, and creates them as his. Default: reads those of all, creates those of nobody. */
  readonly owner?: string;
  /** Removes entries by itself that ended more than an hour ago, every 15 minutes until `close`. Default true. */
  readonly cleansUp?: boolean;
}

/** Which documents are listed, and from where on. */
export interface DocumentsListing {
  /** Documents that have not ended alone; default false. */
  readonly isActive?: boolean;
  /** Default 100. */
  readonly limit?: number;
  /** The `next` of the page before. */
  readonly from?: DocumentsPlace | null;
}

/** A page of documents, and where the next one begins. */
export interface DocumentsListed {
  /** The most recent first. */
  readonly documents: readonly DocumentStatus[];
  /** Null on the last page. */
  readonly next: DocumentsPlace | null;
}

/**
 * The status of documents, from `queued` to `completed` or `failed`, in any store: a thin view over the engine. What callers
 * report here are the items of one batch, `document-status`; the documents that the pipeline `documents` works on are read
 * beside them and cannot be changed here.
 *
 * Every update reads, checks and writes in one transaction: of several threads, requests and processes that report on one
 * document, each sees what the one before it wrote, and a forbidden transition is refused. A document stays as it was
 * reported when its caller's process ends; if that died, the document may also begin again with `parsing`.
 *
 * @example
 * await using manager = new StatusManager("work.db");
 * await manager.createStatus("report", "report.pdf", { pages: 20 });
 * await manager.updateStatus("report", "parsing", 0.1);
 * await manager.updateStatus("report", "embedding_visual", 0.125, { page: 1, totalPages: 20 });
 * console.log(await manager.listActive());
 */
export class StatusManager {
  readonly #engine: ViewEngine;
  readonly #milepost: Promise<Milepost>;
  readonly #owner: string;
  readonly #documents: Promise<Documents>;
  #cleanup: { cancel(): void } | null = null;
  #isClosed = false;

  /** @param source the path of an SQLite file, `memory:`, or an open engine (which stays the caller's to close) */
  constructor(source: string | Milepost, options: StatusManagerOptions = {}) {
    const { owner, cleansUp = true, ...open } = options;
    this.#owner = owner ?? "";
    this.#engine = new ViewEngine(source, open);
    this.#milepost = this.#engine.milepost;
    this.#documents = this.#milepost.then((milepost) => new Documents(milepost, owner));
    // As in the engine: it is thrown by the first call.
    this.#documents.catch(() => {});
    if (cleansUp) this.#milepost.then((milepost) => this.#scheduleCleanup(milepost)).catch(() => {});
  }

  /**
   * Enters a document as `queued`. `metadata` is any JSON object.
   * @throws {MilepostError} `CONFLICT` if there is one of this id, `INVALID_ARGUMENT` or `NOT_JSON` for anything that cannot be kept
   */
  async createStatus(docId: string, filename: string, metadata: Metadata = {}): Promise<DocumentStatus> {
    requireText("docId", docId, LIMITS.keyBytes);
    requireText("filename", filename, LIMITS.keyBytes);
    const kept = toMetadata("metadata", metadata);
    const milepost = await this.#milepost;
    const now = milepost.clock.now();
    const { documentInputSchema } = await schemas();
    const input = documentInputSchema.parse({ filename, metadata: kept, createdAt: now });
    if ((await (await this.#documents).find(docId)) !== undefined) throw duplicate(docId);
    const { added } = await milepost.submit({
      pipeline: TRACKED,
      queue: DOCUMENTS_QUEUE,
      name: REPORTED_BATCH,
      owner: this.#owner,
      crashBudget: CRASH_BUDGET,
      items: [{ key: docId, input: input as Json, kind: REPORTED }],
    });
    if (added === 0) throw duplicate(docId);
    return this.#read(docId);
  }

  /** Where a document stands; undefined for an unknown one. */
  async getStatus(docId: string): Promise<DocumentStatus | undefined> {
    const { clock } = await this.#milepost;
    const { toDocumentStatus } = await schemas();
    const item = await (await this.#documents).find(docId);
    return item === undefined ? undefined : toDocumentStatus(item, clock.now());
  }

  /**
   * Moves a document to a status, or updates the one it is in. What `details` leaves out stays as it was.
   * @param progress 0 to 1, kept as given
   * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` for a transition that is not allowed, or a document of the pipeline;
   * `INVALID_ARGUMENT` for an unknown status, progress outside 0 to 1, pages that cannot be
   */
  async updateStatus(
    docId: string,
    status: DocumentState,
    progress: number,
    details: DocumentDetails = {},
  ): Promise<DocumentStatus> {
    if (!DOCUMENT_STATES.includes(status)) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `the status of document ${docId} must be one of ${DOCUMENT_STATES.join(", ")}; found ${String(status)}`,
      );
    }
    if (!(typeof progress === "number" && progress >= 0 && progress <= 1)) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `the progress of document ${docId} must be a number from 0 to 1; found ${String(progress)}`,
      );
    }
    const given = readDetails(details);
    return this.#amend(docId, (record, item, updatedAt) => {
      requireMove(docId, record, status, item);
      const isSame = record.status === status;
      const keptStage = isSame || status === "failed" ? record.stage : STAGE_NAMES[status];
      const next: DocumentRecord = {
        status,
        progress,
        stage: given.stage ?? keptStage,
        ...pagesOf(docId, given, record),
        updatedAt,
        metadata: { ...record.metadata, ...given.metadata },
        crashes: item.crashes,
      };
      return toChange(next, { error: given.error ?? STAGE_NAMES.failed, hasPages: given.page !== null });
    });
  }

  /**
   * Ends a document as completed, with progress 1, from any status that is active. `details` are added to its metadata.
   * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` if it has ended
   */
  async markCompleted(docId: string, details: DocumentDetails = {}): Promise<DocumentStatus> {
    const given = readDetails(details);
    return this.#amend(docId, (record, item, updatedAt) => {
      requireActive(docId, record, DocumentState.COMPLETED, item);
      return toChange({
        ...record,
        status: "completed",
        progress: 1,
        stage: given.stage ?? STAGE_NAMES.completed,
        ...pagesOf(docId, given, record),
        updatedAt,
        metadata: { ...record.metadata, ...given.metadata },
      });
    });
  }

  /**
   * Ends a document as failed, from any status that is active; it keeps its progress, and the step that it failed in.
   * @param error a message, or anything that was thrown
   * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` if it has ended
   */
  async markFailed(docId: string, error: unknown): Promise<DocumentStatus> {
    return this.#amend(docId, (record, item, updatedAt) => {
      requireActive(docId, record, DocumentState.FAILED, item);
      return toChange({ ...record, status: "failed", updatedAt }, { error });
    });
  }

  /** Every document that has not ended, the most recent first; at most `limit`, if one is given. */
  async listActive(limit = Number.MAX_SAFE_INTEGER): Promise<readonly DocumentStatus[]> {
    return (await this.listPage({ isActive: true, limit })).documents;
  }

  /** Up to `limit` documents, the one that came in last first, each once. Costs what it returns, however many there are. */
  async listAll(limit = 100): Promise<readonly DocumentStatus[]> {
    return (await this.listPage({ limit })).documents;
  }

  /**
   * The same a page at a time: what comes in between two pages is in neither, and nothing is told twice.
   * @throws {MilepostError} `NOT_FOUND` for a place whose batch was removed meanwhile
   */
  async listPage({ isActive = false, limit = 100, from = null }: DocumentsListing = {}): Promise<DocumentsListed> {
    requireWhole("limit", limit, 1, Number.MAX_SAFE_INTEGER);
    const { clock } = await this.#milepost;
    const { toDocumentStatus } = await schemas();
    const { items, next } = await (await this.#documents).page({ limit, isActive, from });
    return { documents: items.map((item) => toDocumentStatus(item, clock.now())), next };
  }

  /**
   * Removes entries that ended `maxAgeSeconds` ago or earlier; returns how many. Active ones stay. So do the pipeline's, which
   * belong to their batches, but for those of the owner whom this manager was made for.
   */
  async cleanupOldEntries(maxAgeSeconds = MAX_AGE_SECONDS): Promise<number> {
    if (!(typeof maxAgeSeconds === "number" && maxAgeSeconds >= 0)) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `maxAgeSeconds must be a number that is not negative; found ${String(maxAgeSeconds)}`,
      );
    }
    const { clock } = await this.#milepost;
    return (await this.#documents).removeEndedBy(new Date(Math.max(0, clock.now() - maxAgeSeconds * 1_000)));
  }

  /** Stops the clean-up and gives back what is held; the documents stay as they are. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cleanup?.cancel();
    await this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #amend(
    docId: string,
    change: (record: DocumentRecord, item: ItemSnapshot, now: number) => ItemChange,
  ): Promise<DocumentStatus> {
    const milepost = await this.#milepost;
    const { recordOf, toDocumentStatus } = await schemas();
    const tracker = await this.#engine.tracker();
    const batch: Batch = milepost.batch(REPORTED_BATCH, { owner: this.#owner });
    try {
      const item = await tracker.amend(batch, docId, (before) =>
        change(recordOf(before), before, milepost.clock.now()),
      );
      return toDocumentStatus(item, milepost.clock.now());
    } catch (error) {
      if (!(error instanceof MilepostError && error.code === "NOT_FOUND")) throw error;
      if ((await (await this.#documents).find(docId)) === undefined) throw unknownDocument(docId);
      throw new MilepostError("CONFLICT", `document ${docId} was not created here; the pipeline reports on it itself`);
    }
  }

  async #read(docId: string): Promise<DocumentStatus> {
    const status = await this.getStatus(docId);
    if (status === undefined) throw unknownDocument(docId);
    return status;
  }

  #scheduleCleanup(milepost: Milepost): void {
    if (this.#isClosed) return;
    const cleanUp = async (): Promise<void> => {
      try {
        await this.cleanupOldEntries();
      } catch (error) {
        // The engine was closed under this view: there is nothing left to clean up.
        if (error instanceof MilepostError && error.code === "CLOSED") return;
      }
      this.#scheduleCleanup(milepost);
    };
    this.#cleanup = milepost.clock.after(CLEANUP_EVERY_MS, () => void cleanUp(), { isIdle: true });
  }
}

function duplicate(docId: string): MilepostError {
  return new MilepostError("CONFLICT", `there is a status of document ${docId} already; update that one`, {
    details: { docId },
  });
}

function unknownDocument(docId: string): MilepostError {
  return new MilepostError("NOT_FOUND", `document ${docId} was not found; create its status first`, {
    details: { docId },
  });
}
