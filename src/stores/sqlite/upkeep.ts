import { setImmediate } from "node:timers/promises";
import type { Retention } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";
import { itemRangeOf } from "./rows.ts";
import type { Steps } from "./steps.ts";

/** Long enough for a living process to go on with its next step. */
const STALLED_MS = 10_000;

/** Prepares `prune` and `checkpoint` of the port. */
export function prepareUpkeep(connection: Connection, ledgerQueries: LedgerQueries, steps: Steps) {
  const fallen = connection.query<[number, string]>(`SELECT number, id FROM (
      SELECT number, id, ended_at, row_number() OVER (ORDER BY ended_at DESC, number DESC) AS rank
      FROM batches WHERE ended_at IS NOT NULL AND is_removing = 0
      AND (?1 IS NULL OR queue = ?1) AND (?2 IS NULL OR owner = ?2) AND (?6 IS NULL OR substr(owner, 1, length(?6)) = ?6))
    WHERE coalesce(?3, ?4) IS NOT NULL AND (?3 IS NULL OR rank > ?3) AND (?4 IS NULL OR ended_at < ?4)
    ORDER BY ended_at, number LIMIT ?5`);
  const stillEnded = connection.query<[number]>("SELECT 1 FROM batches WHERE number = ? AND ended_at IS NOT NULL");
  const half = connection.query<[number]>(
    "SELECT number FROM batches INDEXED BY batches_removing WHERE is_removing = 1",
  );
  const firstOf = connection.query<[number | null]>("SELECT min(id) FROM items WHERE id >= ? AND id < ?");
  const stamp = connection.query("UPDATE meta SET stamps = stamps + 1");

  /** Deletes in bounded transactions, and lets the event loop turn between them. */
  async function removeAll(number: number): Promise<boolean> {
    for (let isFirst = true; ; isFirst = false) {
      const isGone = await connection.write(() => {
        // It may have been opened again since the list was made.
        if (isFirst && stillEnded.get(number) === undefined) return null;
        return steps.removeEnded(number);
      });
      if (isGone !== false) return isGone === true;
      await setImmediate();
    }
  }

  async function finishHalfRemoved(): Promise<void> {
    for (const [number] of await connection.readOne(() => half.all())) {
      while (!(await connection.write(() => steps.removeEnded(number)))) await setImmediate();
    }
  }

  /** What was left of each half-removed batch when it was first seen so. */
  const seen = new Map<number, { readonly first: number | null; readonly at: number }>();

  /** Goes on where a process died while it removed a batch: nobody has come further with it for a while. */
  async function finishStalled(): Promise<void> {
    const left = await connection.readOne(() => half.all());
    for (const number of seen.keys()) if (!left.some(([known]) => known === number)) seen.delete(number);
    const now = connection.clock.monotonic();
    for (const [number] of left) {
      const first = firstOf.get(...itemRangeOf(number))?.[0] ?? null;
      const known = seen.get(number);
      if (known === undefined || known.first !== first) seen.set(number, { first, at: now });
      else if (now - known.at >= STALLED_MS) {
        while (!(await connection.write(() => steps.removeEnded(number)))) await setImmediate();
      }
    }
  }

  return {
    finishStalled,

    async prune(retention: Retention, now: number): Promise<readonly string[]> {
      await finishHalfRemoved();
      const { queue = null, owner = null, ownerPrefix = null, keep, olderThanMs, limit } = retention;
      const before = olderThanMs === null ? null : now - olderThanMs;
      const found = await connection.readOne(() => fallen.all(queue, owner, keep, before, limit, ownerPrefix));
      const pruned: string[] = [];
      for (const [number, id] of found) {
        if (await removeAll(number)) pruned.push(id);
      }
      return pruned;
    },

    /** The sync is of the whole log, and with it of every commit before this one. */
    async checkpoint(batch: number | null, now: number): Promise<void> {
      await connection.write(
        () => {
          stamp.run();
          const ledger = new Ledger(ledgerQueries, now);
          const entry = batch === null ? null : ledger.find(batch);
          if (entry === null) return;
          entry.checkpointAt = now;
          entry.isChanged = true;
          ledger.settle();
        },
        { isDurable: true },
      );
    },
  };
}
