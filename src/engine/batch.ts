import { type BatchRow, type BatchSnapshot, toBatchSnapshot } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { chanceOf, itemIdFrom, itemNumberFrom, ordinalOf, splitItemNumber } from "../core/ids.ts";
import { type ItemRow, type ItemSnapshot, nameOf, toItemSnapshot } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import { requireOptions, requireRule, requireWhole, TEXT } from "../core/options.ts";
import { type Priority, toPriority } from "../core/priority.ts";
import type { ItemState } from "../core/transitions.ts";
import type { BatchRef, ControlCommand, ItemRef, Removal, FailureGroup as StoredGroup } from "../ports/store.ts";
import { giveCommand, type Halted, halt, notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";
import { endOf, watchBatch } from "./feed.ts";
import { Item } from "./item.ts";
import { ADD_RULES, CHANGES_RULES, ITEMS_RULES, RETRY_RULES, WATCH_RULES } from "./options.ts";
import type { QueuePlace } from "./rivals.ts";
import { searchItems } from "./search-items.ts";
import { type NewItems, type RequestOptions, type SubmitCounts, type Verdict, writeSubmission } from "./submit.ts";

/** Which items of a batch are read, and how many at once. */
export interface ItemsQuery {
  readonly state?: ItemState;
  readonly stage?: string;
  /** Only failed items with exactly this message. */
  readonly errorMessage?: string;
  /** Only items whose key or filename has this text in it; only in order of submission. A page may be short and have one after it. */
  readonly search?: string;
  /** Begin with the item that was submitted as this one, from 0; instead of `after`. */
  readonly from?: number;
  /** Default `oldest`: in order of submission. */
  readonly order?: "oldest" | "newest";
  /** Gives what the items' attempts saved too. */
  readonly withSaved?: boolean;
  /** The `nextCursor` of the page before, in the same order. */
  readonly after?: string;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
}

/** How a batch is watched. */
export interface WatchOptions {
  /** Default 100. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** From which version on changes are read. */
export interface ChangesQuery {
  readonly since: number;
  /** 1 to 1,000, which is the default. */
  readonly limit?: number;
}

/** How items are added to a batch. */
export interface AddOptions {
  /** Default: as the batch is. */
  readonly seal?: boolean;
  readonly request?: RequestOptions;
  readonly onVerdict?: (verdict: Verdict) => void;
}

/** Which items are tried again; default: all that failed or were cancelled. */
export interface RetryOptions {
  /** Only failed items, not cancelled ones. */
  readonly failed?: boolean;
  /** Only items that failed with exactly this message. */
  readonly error?: string;
}

/** Some items of a batch, and where the next page begins. */
export interface ItemsPage {
  readonly items: readonly ItemSnapshot[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** What changed in a batch since a version, or the first part of it. */
export interface ChangesPage {
  /** False: `since` is too old or from another life of the batch. Read a snapshot and go on from its version. */
  readonly isResumable: boolean;
  readonly items: readonly ItemSnapshot[];
  readonly removals: readonly Removal[];
  /** Pass it as the next `since`. */
  readonly version: number;
  readonly hasMore: boolean;
}

/** Failed items that have one message, with one of them; `name` is what people call it. */
export interface FailureGroup extends StoredGroup {
  readonly example: StoredGroup["example"] & { readonly name: string };
}

/**
 * A batch, by id or name. Holds no state: every call asks the store, and throws `NOT_FOUND` where there is no such batch. Commands and
 * reads of items go by the batch's number, which is only ever got from `#ref`, with its owner.
 */
export class Batch {
  readonly #deps: Deps;
  readonly #estimates: Estimates;
  readonly #ref: BatchRef;
  readonly #what: string;

  constructor(of: {
    readonly deps: Deps;
    readonly estimates: Estimates;
    readonly ref: BatchRef;
    readonly what: string;
  }) {
    this.#deps = of.deps;
    this.#estimates = of.estimates;
    this.#ref = of.ref;
    this.#what = of.what;
  }

  /** The batch now, as of the last commit; O(1) at any size. Its estimate may be a quarter of a second older. */
  async snapshot(): Promise<BatchSnapshot> {
    const row = await this.#row();
    return toBatchSnapshot(row, await this.#estimates.of(row));
  }

  /** Where the batch stands among those of its queue, and in how many seconds its first item can start; null once it has ended. */
  async place(): Promise<QueuePlace | null> {
    return this.#estimates.placeOf(await this.#row());
  }

  /**
   * Snapshots as the batch or its estimate changes: the first at once, then at most one each `everyMs` (default 100), the last
   * one when it has ended; changes in between are coalesced. It ends too when the batch is removed. Costs what changed, not how many items there are.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<BatchSnapshot, void, undefined> {
    requireOptions("watch", options, WATCH_RULES);
    const { everyMs = 100, signal } = options;
    return watchBatch({
      deps: this.#deps,
      read: () => this.#find(),
      answer: (row) => this.#estimates.of(row),
      what: this.#what,
      everyMs,
      signal,
    });
  }

  /** Resolves when the batch has ended. @throws {MilepostError} `NOT_FOUND` if it is removed meanwhile */
  async done(): Promise<BatchSnapshot> {
    const row = await endOf(this.#deps, () => this.#find());
    if (row === null) throw notFound(this.#what);
    return toBatchSnapshot(row, null);
  }

  /** A page of items in order of submission, or the newest first. */
  async items(query: ItemsQuery = {}): Promise<ItemsPage> {
    requireOptions("items", query, ITEMS_RULES);
    const { after, from, limit = 100, order = "oldest", withSaved = false, search, ...filter } = query;
    const row = await this.#row();
    const ordinal = after === undefined ? null : ordinalIn(row, after);
    if (after !== undefined && ordinal === null) throw notFound(`the cursor ${after}`);
    const before = ordinal ?? (from === undefined ? null : from - 1);
    const page = {
      ...filter,
      batch: row.number,
      limit,
      ...(before === null ? {} : { after: itemNumberFrom(row.number, before) }),
    };
    const toSnapshot = (item: ItemRow): ItemSnapshot => toItemSnapshot(item, { withSaved });
    if (search === undefined) {
      const rows = await this.#deps.store.items({ ...page, isNewestFirst: order === "newest" });
      return { items: rows.map(toSnapshot), nextCursor: rows.length < limit ? null : (rows.at(-1)?.id ?? null) };
    }
    if (order === "newest") {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        "a search goes in the order of submission; leave out order or search",
      );
    }
    const found = await searchItems(this.#deps.store, { ...page, search });
    const next = found.after === null ? null : itemIdFrom(row.id, splitItemNumber(found.after).ordinal);
    return { items: found.rows.map(toSnapshot), nextCursor: next };
  }

  /** How many places there are in the order of submission: one more than that of the newest item. Removed items leave gaps. */
  async span(): Promise<number> {
    const row = await this.#row();
    const [newest] = await this.#deps.store.items({ batch: row.number, isNewestFirst: true, limit: 1 });
    return newest === undefined ? 0 : splitItemNumber(newest.number).ordinal + 1;
  }

  /** One item of the batch, by id or key; as `{ key }` by its key even where that looks like an id. */
  item(given: string | { readonly key: string }): Item {
    const isKey = typeof given === "object" && given !== null;
    const idOrKey = isKey ? given.key : given;
    requireRule("the id or key of an item", idOrKey, TEXT);
    return new Item(
      { deps: this.#deps, estimates: this.#estimates },
      `item ${idOrKey} of ${this.#what}`,
      async (): Promise<ItemRef | null> => {
        const row = await this.#row();
        const ordinal = isKey ? null : ordinalIn(row, idOrKey);
        return ordinal === null ? { batch: row.number, key: idOrKey } : { number: itemNumberFrom(row.number, ordinal) };
      },
    );
  }

  /** Failed items grouped by message, the most frequent first, at most 100 groups. */
  async failures(): Promise<readonly FailureGroup[]> {
    const { number } = await this.#row();
    const { failures } = await this.#deps.store.breakdown(number);
    return Promise.all(
      failures.map(async (group) => {
        const found = await this.#deps.store.item({ batch: number, key: group.example.key });
        return {
          ...group,
          example: { ...group.example, name: found === null ? group.example.key : nameOf(found.item) },
        };
      }),
    );
  }

  /** How many items are in each stage now. */
  async stages(): Promise<readonly { readonly stage: string; readonly items: number }[]> {
    return (await this.#deps.store.breakdown((await this.#row()).number)).stages;
  }

  /** The latest state of every item that changed after version `since`, once, and removals; gap-free across restarts. */
  async changes(query: ChangesQuery): Promise<ChangesPage> {
    requireOptions("changes", query, CHANGES_RULES);
    requireWhole("since", query.since, 0, Number.MAX_SAFE_INTEGER);
    const row = await this.#row();
    const page = await this.#deps.store.changes(row.number, query.since, query.limit ?? LIMITS.pageItems);
    return { ...page, items: page.items.map((item) => toItemSnapshot(item)) };
  }

  /** Adds items; known keys keep their state. A batch that was sealed is sealed again, as a new epoch. */
  async add(items: NewItems, options: AddOptions = {}): Promise<SubmitCounts> {
    requireOptions("add", options, ADD_RULES);
    const row = await this.#row();
    const { seal = row.isSealed, request, onVerdict } = options;
    return writeSubmission({ deps: this.#deps, batch: row.number, items, seal, request, onVerdict });
  }

  /** Closes the batch: no more items; it ends when all that it has are terminal. */
  async seal(): Promise<void> {
    await writeSubmission({ deps: this.#deps, batch: (await this.#row()).number, items: [], seal: true });
  }

  /** Starts nothing new; what runs finishes. Resolves when every live worker has confirmed. */
  pause(): Promise<number> {
    return this.#give((batch) => ({ type: "pause", target: { batch } }));
  }

  resume(): Promise<number> {
    return this.#give((batch) => ({ type: "resume", target: { batch } }));
  }

  /** Pause, and what runs is aborted and returns to pending with what it saved. The batch reads `paused`. */
  stop(): Promise<number> {
    return this.#give((batch) => ({ type: "stop", target: { batch } }));
  }

  /** Pauses or stops, waits at most `waitMs` for every worker to act on it, and says what is outstanding; the order stands. */
  async halt(type: "pause" | "stop", options: { readonly waitMs: number }): Promise<Halted> {
    const command = { type, target: { batch: (await this.#row()).number } } as const;
    return halt({ deps: this.#deps, command, what: this.#what, waitMs: options.waitMs });
  }

  /** Ends every item that has not ended as cancelled, at once; what runs is aborted, in other processes too. */
  cancel(): Promise<number> {
    return this.#give((batch) => ({ type: "cancel", target: { batch } }));
  }

  /**
   * Failed and cancelled items (`failed`: only failed ones; `error`: only those that failed with exactly this message) → pending,
   * with a fresh budget of attempts.
   */
  async retry(options: RetryOptions = {}): Promise<number> {
    requireOptions("retry", options, RETRY_RULES);
    const { failed = false, error } = options;
    const only = error === undefined ? {} : { errorMessage: error };
    return this.#give((batch) => ({ type: "retry", target: { batch }, failedOnly: failed, ...only }));
  }

  /** Among the batches of its queue; lower runs sooner. */
  async setPriority(priority: Priority): Promise<number> {
    const value = toPriority(priority);
    return this.#give((batch) => ({ type: "priority", target: { batch }, priority: value }));
  }

  /**
   * Deletes the batch and all its items. `endedBy`: only if it has ended by then.
   * @throws {MilepostError} `CONFLICT` while one runs, or if it has not ended by then
   */
  remove({ endedBy }: { readonly endedBy?: Date } = {}): Promise<number> {
    const condition = endedBy === undefined ? {} : { endedBy: endedBy.getTime() };
    return this.#give((batch) => ({ type: "remove", target: { batch }, ...condition }));
  }

  /** Deletes the records of its pending items, however many; what runs or has ended stays. Returns how many. */
  clear(): Promise<number> {
    return this.#give((batch) => ({ type: "clear", target: { batch } }));
  }

  /** After it resolves, a power cut loses nothing that was recorded before. */
  async checkpoint(): Promise<void> {
    await this.#deps.store.checkpoint((await this.#row()).number, this.#deps.clock.now());
  }

  /** The batch's number inside its store. @throws {MilepostError} `NOT_FOUND` */
  async number(): Promise<number> {
    return (await this.#row()).number;
  }

  async #give(toCommand: (batch: number) => ControlCommand): Promise<number> {
    return giveCommand(this.#deps, toCommand((await this.#row()).number), this.#what);
  }

  #find(): Promise<BatchRow | null> {
    return this.#deps.store.batch(this.#ref);
  }

  async #row(): Promise<BatchRow> {
    const row = await this.#find();
    if (row === null) throw notFound(this.#what);
    return row;
  }
}

/** The ordinal behind the id of an item of this very batch; null for any other text, which may still be a key. */
function ordinalIn(batch: BatchRow, id: string): number | null {
  const ordinal = ordinalOf(id);
  return ordinal !== null && chanceOf(id) === chanceOf(batch.id) ? ordinal : null;
}
