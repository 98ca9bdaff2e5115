import type { ItemRow } from "../core/item.ts";
import { LIMITS } from "../core/limits.ts";
import type { ItemQuery, Store } from "../ports/store.ts";

/** What a bounded search came to. */
export interface Found {
  readonly rows: readonly ItemRow[];
  /** Where the next page begins: after this number; null: all was looked at. */
  readonly after: number | null;
}

/**
 * Looks for up to `limit` items by name, in the order of their submission. At most `LIMITS.searchItems` items are looked at, in
 * reads of `LIMITS.searchReadItems`, so that a search of a huge batch holds up nothing else: a page may then be short, or
 * empty, and still have one after it.
 */
export async function searchItems(store: Store, query: Omit<ItemQuery, "until" | "isNewestFirst">): Promise<Found> {
  const [newest] = await store.items({ batch: query.batch, isNewestFirst: true, limit: 1 });
  const first = query.batch * LIMITS.itemsPerBatch;
  const last = newest?.number ?? first - 1;
  const rows: ItemRow[] = [];
  let after = Math.max(first - 1, query.after ?? 0);
  const bound = Math.min(last, after + LIMITS.searchItems);
  while (after < bound) {
    const until = Math.min(bound, after + LIMITS.searchReadItems);
    const limit = query.limit - rows.length;
    const found = await store.items({ ...query, after, until, limit });
    rows.push(...found);
    if (found.length === limit) return { rows, after: found.at(-1)?.number ?? after };
    after = until;
  }
  return { rows, after: after < last ? after : null };
}
