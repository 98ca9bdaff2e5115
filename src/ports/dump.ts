import type { AttemptOutcome } from "../core/item.ts";
import type { Control } from "../core/queue.ts";
import type { ItemState } from "../core/transitions.ts";
import type { Store } from "./store.ts";

/*
 * All that a store keeps, as plain rows that every kind of store can write and read. Rows are flat; JSON is text, byte for byte
 * as it was given; times are milliseconds since 1970. Numbers of batches and items, ids, tokens and versions stay what they
 * are, so that ids in the world outside, cursors of change feeds and late reports mean in the copy what they meant before.
 * Sessions are not dumped: a store is copied while nobody works on it, so no item is held, none is processing, and none has progress.
 *
 * The order is fixed, and texts are compared by their bytes (COLLATE "C"), so that two stores that hold the same dump the same:
 * head; queues by name; works, the one changed last at the end; and batch by batch, by number: the batch, its requests by key, its
 * items by number, their attempts by item and token, its removals by version and ordinal. A batch that is half removed is left out.
 */

export interface DumpedHead {
  readonly kind: "head";
  /** Numbers that were never used, of a batch and of a session. */
  readonly nextBatch: number;
  readonly nextWorker: number;
  /** Of orders. */
  readonly revision: number;
}

export interface DumpedQueue {
  readonly kind: "queue";
  readonly name: string;
  readonly control: Control;
  readonly concurrency: number | null;
}

/** What ended batches taught of a kind of work. */
export interface DumpedWork {
  readonly kind: "work";
  readonly work: string;
  readonly state: string;
}

export interface DumpedBatch {
  readonly kind: "batch";
  readonly number: number;
  readonly id: string;
  readonly owner: string;
  readonly name: string | null;
  readonly queue: string;
  readonly pipeline: string;
  readonly options: string;
  readonly policy: string;
  readonly stages: string;
  readonly priority: number;
  readonly control: Control;
  readonly isCancelled: boolean;
  readonly isSealed: boolean;
  readonly epoch: number;
  readonly version: number;
  readonly resumableFrom: number;
  /** Of the next item that is added. */
  readonly nextOrdinal: number;
  readonly total: number;
  readonly pending: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly percentFloor: number;
  readonly work: string;
  readonly createdAt: number;
  readonly startAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly checkpointAt: number | null;
  /** What is kept of it for its estimate. */
  readonly learned: string | null;
}

export interface DumpedRequest {
  readonly kind: "request";
  readonly owner: string;
  readonly key: string;
  readonly batch: number;
  readonly fingerprint: string;
  readonly submission: string;
  readonly isWhole: boolean;
  readonly added: number;
  readonly known: number;
  readonly duplicate: number;
}

export interface DumpedItem {
  readonly kind: "item";
  readonly number: number;
  readonly key: string;
  readonly state: Exclude<ItemState, "processing">;
  readonly priority: number;
  readonly version: number;
  readonly token: number;
  readonly attempts: number;
  readonly failures: number;
  readonly crashes: number;
  /** 0 where it waits for no time. */
  readonly runAt: number;
  readonly isHeld: boolean;
  readonly isSuspect: boolean;
  readonly size: number | null;
  /** What its estimate calls it, beside its size. */
  readonly type: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly input: string | null;
  readonly output: string | null;
  readonly saved: string | null;
  readonly error: string | null;
}

/** An attempt that did not end its item, or was followed by a retry. */
export interface DumpedAttempt {
  readonly kind: "attempt";
  readonly item: number;
  readonly token: number;
  readonly worker: string | null;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: AttemptOutcome;
  readonly error: string | null;
}

/** A tombstone of the feed. */
export interface DumpedRemoval {
  readonly kind: "removal";
  readonly batch: number;
  readonly version: number;
  readonly ordinal: number;
  readonly key: string;
}

export type DumpedRow =
  | DumpedHead
  | DumpedQueue
  | DumpedWork
  | DumpedBatch
  | DumpedRequest
  | DumpedItem
  | DumpedAttempt
  | DumpedRemoval;

/** At most so many rows a page: with the greatest inputs and outputs a page stays within the memory of a small machine. */
export const DUMP_PAGE_ROWS = 100;

/**
 * A store that is being made of a dump. Until it is published nobody can take it for a store: what a death on the way leaves is
 * refused by whoever opens it (PostgreSQL: a mark in `meta`, written first and removed last), or lies where nobody
 * looks for a store (SQLite: a file of another name).
 */
export interface Restore {
  /** Writes rows, in the order of the dump. Atomic; not repeated. */
  write(rows: readonly DumpedRow[]): Promise<void>;
  /** What was written so far, as a store, to be checked before it is published. Its caller closes it. */
  open(): Promise<Store>;
  /** Makes it durable and then, at once, a store for everybody. @throws {MilepostError} `CONFLICT` if there is one by now */
  publish(): Promise<void>;
  /** Removes what was written. */
  discard(): Promise<void>;
}
