import { useCallback, useSyncExternalStore } from "react";
import type { Client } from "../client/client.ts";
import { hubOf } from "./batch-hub.ts";
import { type BatchView, CONNECTING } from "./batch-view.ts";

/** What `useBatch` gives. */
export interface UsedBatch extends BatchView {
  /** Follows a batch anew that has ended, was not there or failed: after a retry, or when something has been put right. */
  readonly restart: () => void;
}

/**
 * A batch as it is now, live for as long as the component is mounted. What changes within an animation frame is shown as one.
 *
 * All components of a page share one stream for a client, whatever the number of batches: keep the client outside of
 * components. On a server it renders `connecting` and does nothing.
 *
 * @example
 * const { batch, state } = useBatch(client, batchId);
 * return <p>{state === "ended" ? "done" : `${batch?.percent ?? "–"}%`}</p>;
 */
export function useBatch(client: Client, batchId: string): UsedBatch {
  const hub = hubOf(client);
  const subscribe = useCallback((listener: () => void) => hub.follow(batchId, listener), [hub, batchId]);
  const view = useSyncExternalStore(
    subscribe,
    () => hub.view(batchId),
    () => CONNECTING,
  );
  const restart = useCallback(() => hub.restart(batchId), [hub, batchId]);
  return { ...view, restart };
}
