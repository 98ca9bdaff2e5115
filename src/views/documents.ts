import type { BatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { idBehind, timeOfBatchId } from "../core/ids.ts";
import type { ItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import type { Batch, ItemsPage, ItemsQuery } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { BatchOptions } from "../engine/options.ts";
import { REPORTED } from "./document-state.ts";

/** The queue of all documents, of the pipeline's as of those that callers report on. */
export const DOCUMENTS_QUEUE = "documents";
/** The batch of the documents that callers report on; an owner has one. */
export const REPORTED_BATCH = "document-status";

type BatchesPage = Awaited<ReturnType<Milepost["batches"]>>;
type BatchFilter = { readonly isEnded?: boolean };

interface RunPlace {
  readonly batch: string;
  readonly item: string;
}

/** Where a page of documents begins: at which one of those that callers report on, and of the pipeline's; null where none are left. */
export interface DocumentsPlace {
  readonly reported: string | null;
  readonly run: RunPlace | null;
}

interface DocumentsQuery {
  readonly limit: number;
  /** Those that have not ended alone. */
  readonly isActive?: boolean;
  readonly from?: DocumentsPlace | null;
}

type StreamQuery = Required<DocumentsQuery>;

export interface DocumentsPage {
  readonly items: readonly ItemSnapshot[];
  /** Null on the last page. */
  readonly next: DocumentsPlace | null;
}

/** The items that stand for documents, read a page at a time. */
export class Documents {
  readonly #milepost: Milepost;
  readonly #owner: string | undefined;
  /** Of whom batches and items are asked for, wherever their ids come from. */
  readonly #own: BatchOptions;
  readonly #reported: Batch;

  /** @param owner undefined: of all */
  constructor(milepost: Milepost, owner: string | undefined) {
    this.#milepost = milepost;
    this.#owner = owner;
    this.#own = owner === undefined ? {} : { owner };
    this.#reported = milepost.batch(REPORTED_BATCH, { owner: owner ?? "" });
  }

  /** The document of this id: the one that callers report on, or else that of the newest batch of the pipeline that has it. */
  async find(docId: string): Promise<ItemSnapshot | undefined> {
    const reported = await orUndefined(this.#reported.item({ key: docId }).snapshot({ withSaved: true }));
    if (reported !== undefined) return reported;
    return orUndefined(this.#milepost.queue(DOCUMENTS_QUEUE).item(docId, this.#own).snapshot({ withSaved: true }));
  }

  /**
   * Up to `limit` of them, the one that came in last first, and where the next page begins. A document that several batches of an owner
   * have is told once, as the newest of these has it. Costs what it returns, however many there are; who goes on from a place asks
   * for each document whether it was told before.
   *
   * @throws {MilepostError} `NOT_FOUND` where the batch at which to go on is gone
   */
  async page({ limit, isActive = false, from = null }: DocumentsQuery): Promise<DocumentsPage> {
    const query: StreamQuery = { limit, isActive, from };
    const reported = this.#reportedFrom(query);
    const run = this.#itemsOfRuns(query);
    const items: ItemSnapshot[] = [];
    let [one, other] = await Promise.all([reported.next(), run.next()]);
    while (items.length < limit && (one.done !== true || other.done !== true)) {
      const isReported =
        one.done !== true && (other.done === true || createdAtOf(one.value) >= createdAtOf(other.value));
      if (isReported && one.done !== true) {
        items.push(one.value);
        one = await reported.next();
      } else if (other.done !== true) {
        items.push(other.value);
        other = await run.next();
      }
    }
    if (one.done === true && other.done === true) return { items, next: null };
    const [nextReported, nextRun] = [one, other].map(({ done, value }) => (done === true ? null : value));
    return {
      items,
      next: {
        reported: nextReported?.id ?? null,
        run: nextRun ? { batch: nextRun.batchId, item: nextRun.id } : null,
      },
    };
  }

  async *#reportedFrom({ limit, isActive, from }: StreamQuery): AsyncGenerator<ItemSnapshot> {
    if (from !== null && from.reported === null) return;
    yield* newestIn(this.#reported, { limit, isActive, from: from?.reported ?? null });
  }

  /**
   * Removes documents that have ended by then: those that callers report on and, where an owner was given, those of his that
   * the pipeline worked on. A document that is created or retried meanwhile stays.
   */
  async removeEndedBy(endedBy: Date): Promise<number> {
    let removed = await this.#removeReported(endedBy);
    if (this.#owner === undefined || this.#owner === "") return removed;
    for await (const { id, name } of this.#batches()) {
      if (name !== REPORTED_BATCH) removed += await this.#removeItems(this.#milepost.batch(id, this.#own), endedBy);
    }
    return removed;
  }

  async #removeReported(endedBy: Date): Promise<number> {
    const before = await orUndefined(this.#reported.snapshot());
    if (before === undefined) return 0;
    if (before.endedAt === null || before.endedAt > endedBy) return this.#removeItems(this.#reported, endedBy);
    // With its batch go the tombstones, which a batch that never goes would gather.
    const gone = await orUndefined(this.#reported.remove({ endedBy }));
    if (gone === undefined) return this.#removeItems(this.#reported, endedBy);
    return before.counts.total === 0 ? 0 : gone;
  }

  async #removeItems(batch: Batch, endedBy: Date): Promise<number> {
    let removed = 0;
    for (const state of ["completed", "failed", "cancelled"] as const) {
      for await (const item of itemsOf(batch, { state, limit: LIMITS.pageItems })) {
        if (item.endedAt === null || item.endedAt > endedBy) continue;
        removed += (await orUndefined(this.#milepost.item(item.id, this.#own).remove({ endedBy }))) ?? 0;
      }
    }
    return removed;
  }

  async *#itemsOfRuns({ limit, isActive, from }: StreamQuery): AsyncGenerator<ItemSnapshot> {
    if (from !== null && from.run === null) return;
    const at = from?.run ?? null;
    const told = new Set<string>();
    for await (const batch of this.#batchesFrom(at, isActive ? { isEnded: false } : {})) {
      if (this.#isReported(batch)) continue;
      const start = batch.id === at?.batch ? at.item : null;
      for await (const item of newestIn(this.#milepost.batch(batch.id, this.#own), { limit, isActive, from: start })) {
        const document = `${batch.owner} ${item.key}`;
        if (told.has(document) || (at !== null && (await this.#isOfNewer(batch, item)))) continue;
        told.add(document);
        yield item;
      }
    }
  }

  /** True if a newer batch of the owner has the document too: it was told as that one's. */
  async #isOfNewer({ owner }: BatchSnapshot, { key, id }: ItemSnapshot): Promise<boolean> {
    const newest = await orUndefined(this.#milepost.queue(DOCUMENTS_QUEUE).item(key, { owner }).snapshot());
    return newest !== undefined && newest.kind !== REPORTED && newest.id !== id;
  }

  /** True for the batch of the documents that callers report on as this owner. */
  #isReported({ name, owner }: BatchSnapshot): boolean {
    return name === REPORTED_BATCH && owner === (this.#owner ?? "");
  }

  /** The batches of the queue, newest first; from the one of a place on, if one is given. */
  async *#batchesFrom(at: RunPlace | null, filter: BatchFilter): AsyncGenerator<BatchSnapshot> {
    if (at !== null) yield await this.#milepost.batch(at.batch, this.#own).snapshot();
    yield* this.#batches(filter, at?.batch);
  }

  async *#batches(filter: BatchFilter = {}, behind?: string): AsyncGenerator<BatchSnapshot> {
    for (let cursor: string | null | undefined = behind; cursor !== null; ) {
      const page: BatchesPage = await this.#milepost.batches({
        queue: DOCUMENTS_QUEUE,
        ...this.#own,
        ...filter,
        ...(cursor !== undefined && { after: cursor }),
      });
      yield* page.batches;
      cursor = page.nextCursor;
    }
  }
}

/** Items of a batch, the newest first, from the one of the id `from` on; those that have not ended alone, if `isActive`. */
async function* newestIn(
  batch: Batch,
  { limit, isActive, from }: { readonly limit: number; readonly isActive: boolean; readonly from: string | null },
): AsyncGenerator<ItemSnapshot> {
  const query: ItemsQuery = {
    order: "newest",
    limit: Math.min(limit, LIMITS.pageItems),
    ...(from !== null && { after: idBehind(from) }),
  };
  if (isActive) yield* activeIn(batch, query);
  else yield* itemsOf(batch, query);
}

async function* activeIn(batch: Batch, query: ItemsQuery): AsyncGenerator<ItemSnapshot> {
  for (let after: string | null | undefined = query.after; after !== null; ) {
    const found = new Map<string, ItemSnapshot>();
    let last: string | null = null;
    // In this order, a document that starts between the two reads is in both.
    for (const state of ["pending", "processing"] as const) {
      const page: ItemsPage | undefined = await orUndefined(
        batch.items({ ...query, withSaved: true, state, ...(after !== undefined && { after }) }),
      );
      for (const item of page?.items ?? []) found.set(item.id, item);
      // Below the end of a page there may be others that are newer than what the other page has.
      if (page?.nextCursor && (last === null || page.nextCursor > last)) last = page.nextCursor;
    }
    const floor: string | null = last;
    const items = [...found.values()].filter(({ id }) => floor === null || id >= floor);
    yield* items.sort((a, b) => (a.id < b.id ? 1 : -1));
    after = floor;
  }
}

/** The items of a batch, a page at a time; none, if it is not there. */
async function* itemsOf(batch: Batch, query: ItemsQuery): AsyncGenerator<ItemSnapshot> {
  for (let after: { readonly after?: string } | null = {}; after !== null; ) {
    const page: ItemsPage | undefined = await orUndefined(batch.items({ ...query, withSaved: true, ...after }));
    yield* page?.items ?? [];
    after = page === undefined || page.nextCursor === null ? null : { after: page.nextCursor };
  }
}

/** What was asked for, or undefined where there is no such thing (any more), or it is not as it must be. */
async function orUndefined<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof MilepostError && (error.code === "NOT_FOUND" || error.code === "CONFLICT")) return undefined;
    throw error;
  }
}

/** When a document came in, in milliseconds since 1970: lists go by it. */
function createdAtOf({ kind, input, batchId }: ItemSnapshot): number {
  const isDated = kind === REPORTED && typeof input === "object" && input !== null && "createdAt" in input;
  return isDated ? Number(input.createdAt) : timeOfBatchId(batchId);
}
