import { splitItemNumber } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Blocks } from "./blocks.ts";
import type { Connection } from "./connection.ts";
import type { ItemChanges } from "./item-changes.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import { itemRangeOf, READY } from "./rows.ts";

/*
 * Commands on many items, at most `LIMITS.controlChunkItems` a transaction. What must hold at once (no claim, no late
 * success of a cancelled batch) is done by the first step, whatever the size.
 */

export interface Done {
  readonly ok: true;
  readonly changed: number;
  readonly more: boolean;
}

const CANCEL = `UPDATE items SET state = 4, worker = 0, ended_at = ?, version = ?, run_at = 0, held = 0, suspect = 0`;

type Queries = ReturnType<typeof prepareQueries>;

function prepareQueries(connection: Connection) {
  return {
    cancelReady: connection.query(`${CANCEL} WHERE id IN
    (SELECT id FROM items INDEXED BY items_ready WHERE batch = ? AND ${READY} LIMIT ?)`),
    cancelIdle: connection.query(`${CANCEL} WHERE id IN (SELECT id FROM items INDEXED BY items_idle
    WHERE batch = ? AND state = 0 AND (run_at > 0 OR held = 1) LIMIT ?)`),
    cancelFresh: connection.query(`${CANCEL}, fresh = 0 WHERE id >= ? AND id <= ? AND fresh = 1`),
    frontier: connection.query<[number]>("SELECT (number << 30) + frontier FROM batches WHERE number = ?"),
    lastFresh: connection.query<[number | null]>(
      "SELECT max(id) FROM (SELECT id FROM items WHERE id >= ? AND id < ? AND fresh = 1 ORDER BY id LIMIT ?)",
    ),
    ended: connection.query<[number]>(`SELECT id FROM items INDEXED BY items_failed
    WHERE batch = ? AND state = ? AND state IN (3, 4) ORDER BY id LIMIT ?`),
    // The union of what no worker holds, each part by its own index.
    ready: connection.query<[number]>(
      `SELECT id FROM items INDEXED BY items_ready WHERE batch = ? AND ${READY} LIMIT ?`,
    ),
    idle: connection.query<[number]>(`SELECT id FROM items INDEXED BY items_idle
    WHERE batch = ? AND state = 0 AND (run_at > 0 OR held = 1) LIMIT ?`),
    fresh: connection.query<[number]>(
      "SELECT id FROM items WHERE id >= ? AND id < ? AND fresh = 1 ORDER BY id LIMIT ?",
    ),
    failedWith: connection.query<[number]>(`SELECT id FROM items INDEXED BY items_failed
    WHERE batch = ? AND state = 3 AND state IN (3, 4) AND error ->> '$.message' = ? ORDER BY id LIMIT ?`),
    running: connection.query<[number]>("SELECT processing FROM batches WHERE number = ?"),
    markRemoving: connection.query<[number]>(
      "UPDATE batches SET is_removing = 1 WHERE number = ? AND is_removing = 0 RETURNING total",
    ),
    deleteAttempts: connection.query("DELETE FROM attempts WHERE item >= ? AND item < ?"),
    lastOf: connection.query<[number]>(
      "SELECT max(id) FROM (SELECT id FROM items WHERE id >= ? AND id < ? ORDER BY id LIMIT ?)",
    ),
    deleteItems: connection.query("DELETE FROM items WHERE id >= ? AND id <= ?"),
    deleteAdditions: connection.query("DELETE FROM additions WHERE batch = ?"),
    deleteRemovals: connection.query("DELETE FROM removals WHERE batch = ?"),
    deleteStatistics: connection.query("DELETE FROM statistics WHERE batch = ?"),
    deleteRequests: connection.query("DELETE FROM requests WHERE batch = ?"),
    deleteBatch: connection.query("DELETE FROM batches WHERE number = ?"),
  };
}

export class Steps {
  readonly #queries: Queries;
  readonly #changes: ItemChanges;
  readonly #blocks: Blocks;

  constructor(connection: Connection, parts: { readonly changes: ItemChanges; readonly blocks: Blocks }) {
    this.#queries = prepareQueries(connection);
    this.#changes = parts.changes;
    this.#blocks = parts.blocks;
  }

  /** Takes away at once what anyone holds, and cancels up to `limit` of what waits. */
  #cancelOne(ledger: Ledger, entry: LedgerEntry, limit: number): number {
    const { now } = ledger;
    let changed = 0;
    if (!entry.isCancelled) {
      entry.isCancelled = true;
      entry.isSealed = true;
      entry.isChanged = true;
      ledger.hasOrders = true;
      for (const item of this.#changes.heldIn(entry.number)) {
        this.#changes.end(item, entry, { to: "cancelled", now });
        changed += 1;
      }
    }
    let left = limit;
    for (const cancel of [
      () => this.#queries.cancelReady.run(now, entry.version, entry.number, left),
      () => this.#cancelFresh(entry, now, left),
      () => this.#queries.cancelIdle.run(now, entry.version, entry.number, left),
    ]) {
      if (left === 0 || entry.counts.pending + entry.delta.states.pending === 0) break;
      const items = cancel();
      entry.delta.states.pending -= items;
      entry.delta.states.cancelled += items;
      if (items > 0) entry.isChanged = true;
      left -= items;
    }
    return changed + limit - left;
  }

  /** Those that no claim has come to yet: what workers held of the batch is taken away before. */
  #cancelFresh(entry: LedgerEntry, now: number, limit: number): number {
    const [, end] = itemRangeOf(entry.number);
    const from = this.#queries.frontier.get(entry.number)?.[0] ?? end;
    const last = this.#queries.lastFresh.get(from, end, limit)?.[0] ?? null;
    if (last === null) return 0;
    this.#blocks.advance(entry.number, splitItemNumber(last).ordinal + 1);
    return this.#queries.cancelFresh.run(now, entry.version, from, last);
  }

  #deleteChunk(batch: number, limit: number): { readonly items: number; readonly isGone: boolean } {
    const [from, to] = itemRangeOf(batch);
    const last = this.#queries.lastOf.get(from, to, limit)?.[0] ?? null;
    if (last === null) {
      this.#queries.deleteRemovals.run(batch);
      this.#queries.deleteAdditions.run(batch);
      this.#queries.deleteStatistics.run(batch);
      this.#queries.deleteRequests.run(batch);
      this.#queries.deleteBatch.run(batch);
      return { items: 0, isGone: true };
    }
    this.#queries.deleteAttempts.run(from, last + 1);
    return { items: this.#queries.deleteItems.run(from, last), isGone: false };
  }

  /** Cancels unended batches: what is held first, then what waits. */
  cancel(ledger: Ledger, batches: readonly number[]): Done {
    let items = 0;
    let left: number = LIMITS.controlChunkItems;
    let more = false;
    let isNew = false;
    for (const number of batches) {
      const entry = ledger.find(number);
      if (entry === null) continue;
      isNew ||= !entry.isCancelled;
      const changed = this.#cancelOne(ledger, entry, left);
      items += changed;
      left = Math.max(0, left - changed);
      more ||= entry.counts.pending + entry.delta.states.pending > 0;
    }
    return { ok: true, changed: items === 0 && isNew ? 1 : items, more };
  }

  /** Retries failed items, and cancelled ones unless `failedOnly`; only those of a message, if one is given. */
  retry(
    ledger: Ledger,
    entry: LedgerEntry,
    { failedOnly, errorMessage }: { readonly failedOnly: boolean; readonly errorMessage?: string },
  ): Done {
    const most = LIMITS.controlChunkItems;
    const { ended, failedWith } = this.#queries;
    const found = [
      ...(errorMessage === undefined
        ? ended.all(entry.number, 3, most + 1)
        : failedWith.all(entry.number, errorMessage, most + 1)),
    ];
    if (!failedOnly && errorMessage === undefined) found.push(...ended.all(entry.number, 4, most + 1 - found.length));
    const retried = found.slice(0, most);
    if (retried.length > 0 && entry.endedAt !== null) ledger.reopen(entry);
    for (const [number] of retried) {
      const item = this.#changes.find(number);
      if (item !== null) this.#changes.retry(item, entry);
    }
    return { ok: true, changed: retried.length, more: found.length > retried.length };
  }

  /** Deletes what is pending: first what workers have claimed and not started, then what nobody holds. */
  clear(ledger: Ledger, entry: LedgerEntry): Done {
    const claimed = this.#changes.heldIn(entry.number).filter(({ state }) => state === "pending");
    for (const item of claimed) this.#changes.remove(item, entry);
    // Whoever held them must hear of it.
    if (claimed.length > 0) ledger.hasOrders = true;
    const [, end] = itemRangeOf(entry.number);
    const from = this.#queries.frontier.get(entry.number)?.[0] ?? end;
    let left: number = LIMITS.controlChunkItems;
    for (const find of [
      () => this.#queries.ready.all(entry.number, left),
      () => this.#queries.fresh.all(from, end, left),
      () => this.#queries.idle.all(entry.number, left),
    ]) {
      if (left === 0) break;
      const found = find();
      for (const [number] of found) {
        const item = this.#changes.find(number);
        if (item !== null) this.#changes.remove(item, entry);
      }
      left -= found.length;
    }
    return { ok: true, changed: claimed.length + LIMITS.controlChunkItems - left, more: left === 0 };
  }

  /** Deletes batches with all they have. From the first step on nobody sees or claims anything of them. */
  remove(ledger: Ledger, batches: readonly number[]): Done | { readonly ok: false; readonly reason: "running" } {
    if (batches.some((number) => (this.#queries.running.get(number)?.[0] ?? 0) > 0))
      return { ok: false, reason: "running" };
    let changed = 0;
    let left: number = LIMITS.controlChunkItems;
    let more = false;
    for (const number of batches) {
      const total = this.#queries.markRemoving.get(number)?.[0];
      if (total !== undefined) ledger.hasOrders = true;
      this.#blocks.drop(number);
      if (total === 0) changed += 1;
      while (left > 0) {
        const step = this.#deleteChunk(number, left);
        changed += step.items;
        left -= Math.max(1, step.items);
        if (step.isGone) break;
      }
      more ||= this.#queries.running.get(number) !== undefined;
    }
    return { ok: true, changed, more };
  }

  /** One step of deleting a batch that has ended. True once nothing of it is left. */
  removeEnded(number: number): boolean {
    this.#queries.markRemoving.get(number);
    return this.#deleteChunk(number, LIMITS.controlChunkItems).isGone;
  }
}
