import type { Retention } from "../../ports/store.ts";
import type { Connection } from "./connection.ts";
import { Ledger, type LedgerQueries } from "./ledger.ts";
import type { Steps } from "./steps.ts";

/** Long enough for a living process to go on with its next step. */
const STALLED_MS = 10_000;
/** Every process looks for such leftovers. */
const LOOK_EVERY_MS = STALLED_MS / 2;

/** Prepares `prune` and `checkpoint` of the port. */
export function prepareUpkeep(connection: Connection, ledgerQueries: LedgerQueries, steps: Steps) {
  const fallen = connection.query<readonly [number, string]>(`SELECT number, id FROM (
      SELECT number, id, ended_at, row_number() OVER (ORDER BY ended_at DESC, number DESC) AS rank
      FROM @batches WHERE ended_at IS NOT NULL AND NOT is_removing
      AND ($1::text IS NULL OR queue = $1) AND ($2::text IS NULL OR owner = $2)
      AND ($6::text IS NULL OR starts_with(owner, $6))) AS ended
    WHERE coalesce($3::bigint, $4::bigint) IS NOT NULL AND ($3 IS NULL OR rank > $3) AND ($4 IS NULL OR ended_at < $4)
    ORDER BY ended_at, number LIMIT $5`);
  const stillEnded = connection.query("SELECT 1 FROM @batches WHERE number = $1 AND ended_at IS NOT NULL");
  const half = connection.query<readonly [number, number | null]>(`SELECT b.number, (SELECT min(ordinal) FROM @items
    WHERE batch = b.number) FROM @batches AS b WHERE b.is_removing`);
  const stamp = connection.query("UPDATE @meta SET revision = revision");

  /** Marks it alone, deletes it beside others: what is marked is nobody's any more. */
  async function removeAll(number: number): Promise<boolean> {
    const isMarked = await connection.write(
      async (tx) => {
        // It may have been opened again since the list was made.
        if ((await tx.get(stillEnded, number)) === undefined) return false;
        steps.markRemoving(tx, number);
        return true;
      },
      { gate: "alone" },
    );
    if (isMarked) await removeRest(number);
    return isMarked;
  }

  async function removeRest(number: number): Promise<void> {
    while (!(await connection.write((tx) => steps.removeMore(tx, number))));
  }

  /** What was left of each half-removed batch when it was first seen so. */
  const seen = new Map<number, { readonly first: number | null; readonly at: number }>();
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** Goes on where a process died while it removed a batch: nobody has come further with it for a while. */
  async function finishStalled(): Promise<void> {
    const now = connection.clock.monotonic();
    if (now - lookedAt < LOOK_EVERY_MS) return;
    lookedAt = now;
    const left = await connection.all(half);
    for (const number of seen.keys()) if (!left.some(([known]) => known === number)) seen.delete(number);
    for (const [number, first] of left) {
      const known = seen.get(number);
      if (known === undefined || known.first !== first) seen.set(number, { first, at: now });
      else if (now - known.at >= STALLED_MS) await removeRest(number);
    }
  }

  return {
    finishStalled,

    async prune(retention: Retention, now: number): Promise<readonly string[]> {
      for (const [number] of await connection.all(half)) await removeRest(number);
      const { queue = null, owner = null, ownerPrefix = null, keep, olderThanMs, limit } = retention;
      const before = olderThanMs === null ? null : now - olderThanMs;
      const found = await connection.all(fallen, queue, owner, keep, before, limit, ownerPrefix);
      const pruned: string[] = [];
      for (const [number, id] of found) {
        if (await removeAll(number)) pruned.push(id);
      }
      return pruned;
    },

    /** The server syncs its log up to this commit, and with it every commit before. */
    async checkpoint(batch: number | null, now: number): Promise<void> {
      await connection.write(
        async (tx) => {
          if (batch === null) {
            // Something must be written: a commit of nothing waits for nothing.
            tx.send(stamp);
            return;
          }
          const ledger = new Ledger(ledgerQueries, tx, now);
          await ledger.lock([batch]);
          const entry = ledger.find(batch);
          if (entry !== null) {
            entry.checkpointAt = now;
            entry.isChanged = true;
            ledger.settle();
          } else tx.send(stamp);
        },
        { gate: "shared", isDurable: true },
      );
    },
  };
}
