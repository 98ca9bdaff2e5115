import { useMemo, useSyncExternalStore } from "react";
import type { Client } from "../client/client.ts";
import type { WireBatch } from "../wire/batch.ts";
import type { WireChangedItem } from "../wire/event.ts";
import { hubOf } from "./batch-hub.ts";
import { ItemsStore, type ItemsView, NO_ITEMS } from "./items-store.ts";

/** Which items are followed. */
export interface UseItemsOptions {
  /** Only items in this state: others come and go as they change. Default: all. */
  readonly state?: WireChangedItem["state"];
  /** How many items are shown first, and how many more each `loadMore` brings: 1 to 1,000. Default 50. */
  readonly limit?: number;
}

/** What `useItems` gives. */
export interface UsedItems extends ItemsView {
  /** Shows `limit` more; the promise is kept when they are there, or `error` says why they are not. */
  readonly loadMore: () => Promise<void>;
  /** Follows items anew that have ended, were not there or failed: after a retry, or when something has been put right. */
  readonly restart: () => void;
}

const LIMIT = 50;

/**
 * Items of a batch in the order of their submission, each as it is now, for as long as the component is mounted. An item stays
 * the same object until it changes, so that `memo` holds for its row. Input and output are not among what is told of it:
 * `client.batch(batchId).item(id).read()` has them.
 *
 * @example
 * const { items, hasMore, loadMore } = useItems(client, batchId, { state: "failed" });
 */
export function useItems(client: Client, batchId: string, options: UseItemsOptions = {}): UsedItems {
  const { state, limit = LIMIT } = options;
  const store = useMemo(() => {
    // The bar beside the list then shows no older counts than the list.
    const onBatch = (batch: WireBatch): void => hubOf(client).hear(batch);
    return new ItemsStore({ batch: client.batch(batchId), state, limit, onBatch });
  }, [client, batchId, state, limit]);
  const view = useSyncExternalStore(
    store.follow,
    () => store.view,
    () => NO_ITEMS,
  );
  return { ...view, loadMore: store.loadMore, restart: store.restart };
}
