import type { Connection } from "./connection.ts";
import type { ItemFacts } from "./item-changes.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Transaction } from "./transaction.ts";

/** Deletes items of one batch that were locked and do not run; the feed tells of them. */
export type ItemRemoval = (tx: Transaction, entry: LedgerEntry, items: readonly ItemFacts[]) => void;

export function prepareItemRemoval(connection: Connection): ItemRemoval {
  const tombstones = connection.query(`INSERT INTO @removals (batch, version, ordinal, key)
    SELECT batch, $3, ordinal, key FROM @items WHERE batch = $1 AND ordinal = ANY ($2::int[])`);
  const deleteItems = connection.query("DELETE FROM @items WHERE batch = $1 AND ordinal = ANY ($2::int[])");
  const deleteAttempts = connection.query("DELETE FROM @attempts WHERE batch = $1 AND ordinal = ANY ($2::int[])");
  return (tx, entry, items) => {
    if (items.length === 0) return;
    const ordinals = items.map(({ ordinal }) => ordinal);
    tx.send(tombstones, entry.number, ordinals, entry.version);
    tx.send(deleteAttempts, entry.number, ordinals);
    tx.send(deleteItems, entry.number, ordinals);
    for (const { state } of items) entry.delta.remove(state);
    entry.isChanged = true;
  };
}
