import type { BatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { timeOfBatchId } from "../core/ids.ts";
import type { ItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import type { Batch, ItemsPage, ItemsQuery } from "../engine/batch.ts";
import type { Milepost } from "../engine/milepost.ts";
import { REPORTED } from "./document-state.ts";

/** The queue of all documents, of the pipeline's as of those that callers report on. */
export const DOCUMENTS_QUEUE = "documents";
/** The batch of the documents that callers report on; an owner has one. */
export const REPORTED_BATCH = "document-status";

type BatchesPage = Awaited<ReturnType<Milepost["batches"]>>;

/** The items that stand for documents, read a page at a time. */
export class Documents {
  readonly #milepost: Milepost;
  readonly #owner: string | undefined;
  readonly #reported: Batch;

  /** @param owner undefined: of all */
  constructor(milepost: Milepost, owner: string | undefined) {
    this.#milepost = milepost;
    this.#owner = owner;
    this.#reported = milepost.batch(REPORTED_BATCH, { owner: owner ?? "" });
  }

  /** The document of this id: the one that callers report on, or else that of the newest batch of the pipeline that has it. */
  async find(docId: string): Promise<ItemSnapshot | undefined> {
    const reported = await orUndefined(this.#reported.item({ key: docId }).snapshot({ withSaved: true }));
    if (reported !== undefined) return reported;
    const owner = this.#owner === undefined ? {} : { owner: this.#owner };
    return orUndefined(this.#milepost.queue(DOCUMENTS_QUEUE).item(docId, owner).snapshot({ withSaved: true }));
  }

  /** Those that have not ended, the most recent first; `limit` is how many are wanted. */
  async active(limit: number): Promise<readonly ItemSnapshot[]> {
    const reported = await this.#activeIn(this.#reported, limit);
    const found = new Map(reported.map((item) => [item.id, item]));
    let ofRuns = 0;
    for await (const batch of this.#batches({ isEnded: false })) {
      if (ofRuns >= limit) break;
      if (this.#isReported(batch)) continue;
      const items = await this.#activeIn(this.#milepost.batch(batch.id), limit);
      for (const item of items) found.set(item.id, item);
      ofRuns += items.length;
    }
    return [...found.values()].sort(newestFirst).slice(0, limit);
  }

  async #activeIn(batch: Batch, limit: number): Promise<readonly ItemSnapshot[]> {
    const found = new Map<string, ItemSnapshot>();
    // In this order, a document that starts between the two reads is in both.
    for (const state of ["pending", "processing"] as const) {
      let count = 0;
      for await (const item of itemsOf(batch, { state, order: "newest", limit: Math.min(limit, LIMITS.pageItems) })) {
        found.set(item.id, item);
        if (++count >= limit) break;
      }
    }
    return [...found.values()];
  }

  /**
   * All of them, the one that came in last first; `limit` is how many are wanted. A document that several batches of an owner have is
   * told once, as the newest of these has it.
   */
  async *newestFirst(limit: number): AsyncGenerator<ItemSnapshot> {
    const query = { order: "newest", limit: Math.min(limit, LIMITS.pageItems) } as const;
    const reported = itemsOf(this.#reported, query);
    const run = this.#itemsOfRuns(query);
    let [one, other] = await Promise.all([reported.next(), run.next()]);
    while (one.done !== true || other.done !== true) {
      const isReported =
        one.done !== true && (other.done === true || createdAtOf(one.value) >= createdAtOf(other.value));
      if (isReported && one.done !== true) {
        yield one.value;
        one = await reported.next();
      } else if (other.done !== true) {
        yield other.value;
        other = await run.next();
      }
    }
  }

  /**
   * Removes documents that have ended by then: those that callers report on and, where an owner was given, those of his that
   * the pipeline worked on. A document that is created or retried meanwhile stays.
   */
  async removeEndedBy(endedBy: Date): Promise<number> {
    let removed = await this.#removeReported(endedBy);
    if (this.#owner === undefined || this.#owner === "") return removed;
    for await (const { id, name } of this.#batches({})) {
      if (name !== REPORTED_BATCH) removed += await this.#removeItems(this.#milepost.batch(id), endedBy);
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
        removed += (await orUndefined(this.#milepost.item(item.id).remove({ endedBy }))) ?? 0;
      }
    }
    return removed;
  }

  async *#itemsOfRuns(query: ItemsQuery): AsyncGenerator<ItemSnapshot> {
    const told = new Set<string>();
    for await (const batch of this.#batches({})) {
      if (this.#isReported(batch)) continue;
      for await (const item of itemsOf(this.#milepost.batch(batch.id), query)) {
        const document = `${batch.owner} ${item.key}`;
        if (told.has(document)) continue;
        told.add(document);
        yield item;
      }
    }
  }

  /** True for the batch of the documents that callers report on as this owner. */
  #isReported({ name, owner }: BatchSnapshot): boolean {
    return name === REPORTED_BATCH && owner === (this.#owner ?? "");
  }

  /** The batches of the queue, newest first. */
  async *#batches(filter: { readonly isEnded?: boolean }): AsyncGenerator<BatchSnapshot> {
    const owner = this.#owner === undefined ? {} : { owner: this.#owner };
    for (let after: { readonly after?: string } | null = {}; after !== null; ) {
      const page: BatchesPage = await this.#milepost.batches({ queue: DOCUMENTS_QUEUE, ...owner, ...filter, ...after });
      yield* page.batches;
      after = page.nextCursor === null ? null : { after: page.nextCursor };
    }
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

/** Ids of the items of one batch are in the order in which these came. */
function newestFirst(a: ItemSnapshot, b: ItemSnapshot): number {
  return createdAtOf(b) - createdAtOf(a) || (a.id < b.id ? 1 : -1);
}

/** When a document came in, in milliseconds since 1970: lists go by it. */
function createdAtOf({ kind, input, batchId }: ItemSnapshot): number {
  const isDated = kind === REPORTED && typeof input === "object" && input !== null && "createdAt" in input;
  return isDated ? Number(input.createdAt) : timeOfBatchId(batchId);
}
