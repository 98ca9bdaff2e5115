import type { WireBatch } from "../wire/batch.ts";
import type { BatchEvents, EventItems, OverviewEvents, WireChangedItem } from "../wire/event.ts";
import type { Connection } from "./connection.ts";
import { readEvents, type StreamOptions } from "./event-source.ts";

/** A batch and what became of its items since the update before. */
export interface BatchUpdate {
  readonly batch: WireBatch;
  /** Items that changed, each as it is now. */
  readonly items: readonly WireChangedItem[];
  /** Items that were removed. */
  readonly removals: readonly { readonly id: string; readonly key: string }[];
  /** True for the first update, and where there was no way on from what was known: forget all items known so far. */
  readonly isFresh: boolean;
}

/** How a batch is followed, and whether its items are. */
export interface WatchOptions extends StreamOptions {
  /** `none`: the batch alone; `changed` (default): items as they change; `all`: first all there are. */
  readonly items?: EventItems;
}

const NOTHING = { items: [], removals: [], isFresh: false } as const;

/** A batch as it changes, until it has ended or is not there any more. */
export async function* watchBatch(
  connection: Connection,
  batchId: string,
  { items, ...options }: WatchOptions,
): AsyncGenerator<BatchUpdate, void, undefined> {
  let batch: WireBatch | null = null;
  const path = `/api/batches/${encodeURIComponent(batchId)}/events`;
  for await (const { event, data } of readEvents(connection, path, { ...options, query: { items } })) {
    if (event === "snapshot") {
      batch = (JSON.parse(data) as BatchEvents["snapshot"]).batch;
      yield { ...NOTHING, batch, isFresh: true };
    } else if (event === "items" && batch !== null) {
      const page = JSON.parse(data) as BatchEvents["items"];
      if (!page.isLast) yield { ...NOTHING, batch, items: page.items };
    } else if (event === "changes") {
      const changes = JSON.parse(data) as BatchEvents["changes"];
      batch = changes.batch;
      yield { ...changes, isFresh: false };
    } else if (event === "end" || event === "removed") {
      return;
    }
  }
}

/** Batches that changed since the update before. */
export interface OverviewUpdate {
  /** Batches that changed, each as it is now. */
  readonly batches: readonly WireBatch[];
  /** Ids of batches that are not there, or not any more. */
  readonly removed: readonly string[];
}

/** Many batches as they change; what was missed while a connection was broken is told again as a whole. */
export async function* watchMany(
  connection: Connection,
  batchIds: readonly string[] | "all",
  options: StreamOptions,
): AsyncGenerator<OverviewUpdate, void, undefined> {
  const query = { batches: batchIds === "all" ? "all" : batchIds.join(",") };
  for await (const { event, data } of readEvents(connection, "/api/events", { ...options, query })) {
    if (event === "removed") yield { batches: [], removed: (JSON.parse(data) as OverviewEvents["removed"]).batchIds };
    else if (event === "snapshot" || event === "changes") {
      const { batches } = JSON.parse(data) as OverviewEvents["changes"];
      if (batches.length > 0) yield { batches, removed: [] };
    }
  }
}
