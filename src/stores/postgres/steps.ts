import { LIMITS } from "../../core/limits.ts";
import { toStateCode } from "../codes.ts";
import type { Connection, Statement } from "./connection.ts";
import type { ItemChanges } from "./item-changes.ts";
import { type ItemRemoval, prepareItemRemoval } from "./item-removal.ts";
import type { Ledger, LedgerEntry } from "./ledger.ts";
import type { Transaction } from "./transaction.ts";

/*
 * Commands on many items, at most `LIMITS.controlChunkItems` a transaction. What must hold at once (no claim, no late
 * success of a cancelled batch) is done by the first step, whatever the size.
 */

const FAILED = [toStateCode("failed")];
const FAILED_OR_CANCELLED = [...FAILED, toStateCode("cancelled")];

export interface Done {
  readonly ok: true;
  readonly changed: number;
  readonly more: boolean;
}

interface Under {
  readonly ledger: Ledger;
  readonly changes: ItemChanges;
}

interface Queries {
  readonly running: Statement<readonly [number]>;
  readonly markRemoving: Statement<readonly [number]>;
  readonly lastOf: Statement<readonly [number | null]>;
  readonly deleteAttempts: Statement;
  readonly deleteItems: Statement;
  readonly deleteRest: readonly Statement[];
}

function prepareQueries(connection: Connection): Queries {
  return {
    running: connection.query("SELECT processing FROM @batches WHERE number = $1"),
    markRemoving: connection.query(
      "UPDATE @batches SET is_removing = true WHERE number = $1 AND NOT is_removing RETURNING total",
    ),
    lastOf: connection.query(
      "SELECT max(ordinal) FROM (SELECT ordinal FROM @items WHERE batch = $1 ORDER BY ordinal LIMIT $2) AS few",
    ),
    deleteAttempts: connection.query("DELETE FROM @attempts WHERE batch = $1 AND ordinal <= $2"),
    deleteItems: connection.query("DELETE FROM @items WHERE batch = $1 AND ordinal <= $2"),
    deleteRest: [
      connection.query("DELETE FROM @removals WHERE batch = $1"),
      connection.query("DELETE FROM @blocks WHERE batch = $1"),
      connection.query("DELETE FROM @frontiers WHERE batch = $1"),
      connection.query("DELETE FROM @statistics WHERE batch = $1"),
      connection.query("DELETE FROM @requests WHERE batch = $1"),
      connection.query("DELETE FROM @batches WHERE number = $1"),
    ],
  };
}

export class Steps {
  readonly #queries: Queries;
  readonly #removeItems: ItemRemoval;

  constructor(connection: Connection) {
    this.#removeItems = prepareItemRemoval(connection);
    this.#queries = prepareQueries(connection);
  }

  /** Cancels unended batches, which the ledger has locked: what is held first, then what waits. */
  async cancel({ ledger, changes }: Under, batches: readonly number[]): Promise<Done> {
    const entries = batches.flatMap((number) => ledger.find(number) ?? []);
    const fresh = entries.filter((entry) => !entry.isCancelled);
    const held = fresh.length === 0 ? [] : await changes.lockHeldIn(fresh.map((entry) => entry.number));
    for (const entry of fresh) {
      entry.isCancelled = true;
      entry.isSealed = true;
      entry.isChanged = true;
      ledger.hasOrders = true;
    }
    let items = held.length;
    for (const item of held) {
      const entry = ledger.find(item.batch);
      if (entry !== null) changes.end(item, entry, { to: "cancelled", now: ledger.now });
    }
    let left: number = LIMITS.controlChunkItems;
    let more = false;
    for (const entry of entries) {
      const waiting = left === 0 || pendingOf(entry) === 0 ? [] : await changes.lockWaiting(entry.number, left);
      for (const item of waiting) changes.end(item, entry, { to: "cancelled", now: ledger.now });
      items += waiting.length;
      left -= waiting.length;
      more ||= pendingOf(entry) > 0;
    }
    return { ok: true, changed: items === 0 && fresh.length > 0 ? 1 : items, more };
  }

  /** Retries failed items, and cancelled ones unless `failedOnly`; only those of a message, if one is given. */
  async retry(
    { ledger, changes }: Under,
    entry: LedgerEntry,
    { failedOnly, errorMessage }: { readonly failedOnly: boolean; readonly errorMessage?: string },
  ): Promise<Done> {
    const most = LIMITS.controlChunkItems;
    const states = failedOnly || errorMessage !== undefined ? FAILED : FAILED_OR_CANCELLED;
    const found = await changes.lockEnded(entry.number, {
      states,
      errorMessage: errorMessage ?? null,
      limit: most + 1,
    });
    const retried = found.slice(0, most);
    if (retried.length > 0 && entry.endedAt !== null) ledger.reopen(entry);
    for (const item of retried) changes.retry(item, entry);
    return { ok: true, changed: retried.length, more: found.length > retried.length };
  }

  /** Deletes what is pending: first what workers have claimed and not started, then what nobody holds. */
  async clear(tx: Transaction, { ledger, changes }: Under, entry: LedgerEntry): Promise<Done> {
    const held = await changes.lockHeldIn([entry.number]);
    const claimed = held.filter(({ state }) => state === "pending");
    // Whoever held them must hear of it.
    if (claimed.length > 0) ledger.hasOrders = true;
    const waiting = await changes.lockWaiting(entry.number, LIMITS.controlChunkItems);
    this.#removeItems(tx, entry, [...claimed, ...waiting]);
    return {
      ok: true,
      changed: claimed.length + waiting.length,
      more: waiting.length === LIMITS.controlChunkItems,
    };
  }

  /** Deletes batches with all they have. From the first step on nobody sees or claims anything of them. */
  async remove(
    tx: Transaction,
    ledger: Ledger,
    batches: readonly number[],
  ): Promise<Done | { readonly ok: false; readonly reason: "running" }> {
    const running = await Promise.all(batches.map((number) => tx.get(this.#queries.running, number)));
    if (running.some((row) => (row?.[0] ?? 0) > 0)) return { ok: false, reason: "running" };
    let changed = 0;
    let left: number = LIMITS.controlChunkItems;
    let more = false;
    for (const number of batches) {
      const total = (await tx.get(this.#queries.markRemoving, number))?.[0];
      if (total !== undefined) ledger.hasOrders = true;
      if (total === 0) changed += 1;
      let isGone = false;
      while (left > 0 && !isGone) {
        const step = await this.#deleteChunk(tx, number, left);
        changed += step.items;
        left -= Math.max(1, step.items);
        isGone = step.isGone;
      }
      more ||= !isGone;
    }
    return { ok: true, changed, more };
  }

  /** Marks a batch that is to be removed: from the commit on nobody sees anything of it. */
  markRemoving(tx: Transaction, number: number): void {
    tx.send(this.#queries.markRemoving, number);
  }

  /** One step of deleting a batch that was marked. True once nothing of it is left. */
  async removeMore(tx: Transaction, number: number): Promise<boolean> {
    return (await this.#deleteChunk(tx, number, LIMITS.controlChunkItems)).isGone;
  }

  async #deleteChunk(
    tx: Transaction,
    batch: number,
    limit: number,
  ): Promise<{ readonly items: number; readonly isGone: boolean }> {
    const last = (await tx.get(this.#queries.lastOf, batch, limit))?.[0] ?? null;
    if (last === null) {
      for (const statement of this.#queries.deleteRest) tx.send(statement, batch);
      return { items: 0, isGone: true };
    }
    tx.send(this.#queries.deleteAttempts, batch, last);
    return { items: await tx.run(this.#queries.deleteItems, batch, last), isGone: false };
  }
}

function pendingOf(entry: LedgerEntry): number {
  return entry.counts.pending + entry.delta.states.pending;
}
