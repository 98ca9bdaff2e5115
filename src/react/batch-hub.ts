import type { Client } from "../client/client.ts";
import { isUuid } from "../core/ids.ts";
import type { WireBatch } from "../wire/batch.ts";
import {
  afterConnection,
  afterRefusal,
  type BatchView,
  CONNECTING,
  isSettled,
  NOT_FOUND,
  toError,
} from "./batch-view.ts";
import { nextFrame, OnceAFrame, type Schedule } from "./once-a-frame.ts";

/** Batches that the server tells of in one stream. */
const BATCHES_PER_STREAM = 200;

/** A batch that somebody looks at. */
interface Followed {
  /** As it is shown; becomes `next` with the next frame. */
  view: BatchView;
  next: BatchView;
  readonly listeners: Set<() => void>;
}

interface Stream {
  /** Batches that it is still needed for. */
  readonly ids: Set<string>;
  readonly stop: AbortController;
}

/**
 * All batches that a page follows through one client, over as few streams as there can be: browsers allow six connections
 * to a server, and the server a session twenty streams.
 *
 * Streams are planned once for everything that begins and ends to be looked at in one turn, so that a list of batches opens
 * one, and what leaves and comes back at once (React's strict mode) opens none. They are opened anew when other batches are
 * looked at, and are gone when none is.
 */
export class BatchHub {
  readonly #client: Pick<Client, "watchMany">;
  readonly #followed = new Map<string, Followed>();
  readonly #showing: OnceAFrame;
  #streams: readonly Stream[] = [];
  #isPlanned = false;

  constructor(client: Pick<Client, "watchMany">, schedule: Schedule = nextFrame) {
    this.#client = client;
    this.#showing = new OnceAFrame(() => this.#show(), schedule);
  }

  /** What is known of a batch: the same object until a listener was told. */
  view(batchId: string): BatchView {
    const id = batchId.toLowerCase();
    // The server would refuse all others with it.
    if (!isUuid(id)) return NOT_FOUND;
    return this.#followed.get(id)?.view ?? CONNECTING;
  }

  /** Follows a batch for as long as anybody listens, and tells when its view is another. @returns what ends it */
  follow(batchId: string, listener: () => void): () => void {
    const id = batchId.toLowerCase();
    if (!isUuid(id)) return () => {};
    const followed = this.#followed.get(id) ?? { view: CONNECTING, next: CONNECTING, listeners: new Set() };
    this.#followed.set(id, followed);
    // Of its own, so that one that is given twice is ended twice.
    const own = (): void => listener();
    followed.listeners.add(own);
    this.#plan();
    return () => {
      followed.listeners.delete(own);
      this.#plan();
    };
  }

  /** Follows a batch anew that has ended, was not there or failed: after a retry, or when something has been put right. */
  restart(batchId: string): void {
    const id = batchId.toLowerCase();
    const followed = this.#followed.get(id);
    if (followed === undefined || !isSettled(followed.next.state)) return;
    this.#set(followed, { batch: followed.next.batch, state: "connecting", error: null });
    this.#plan();
  }

  /** Takes in what another stream tells of a batch, which may be earlier than the hub's own. */
  hear(batch: WireBatch): void {
    const followed = this.#followed.get(batch.id);
    if (followed === undefined || isSettled(followed.next.state)) return;
    for (const { ids } of this.#streams) this.#tell(ids, batch);
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#carryOut();
    });
  }

  #carryOut(): void {
    for (const [id, { listeners }] of this.#followed) if (listeners.size === 0) this.#followed.delete(id);
    if (this.#followed.size === 0) this.#showing.cancel();
    const wanted = [...this.#followed].filter(([, { next }]) => !isSettled(next.state)).map(([id]) => id);
    const running = new Set(this.#streams.flatMap(({ ids }) => [...ids]));
    if (wanted.length === running.size && wanted.every((id) => running.has(id))) {
      // What is needed for nothing any more ends.
      for (const { ids, stop } of this.#streams) if (ids.size === 0) stop.abort();
      this.#streams = this.#streams.filter(({ ids }) => ids.size > 0);
      return;
    }
    for (const { stop } of this.#streams) stop.abort();
    this.#streams = [];
    for (let at = 0; at < wanted.length; at += BATCHES_PER_STREAM) {
      const stream = { ids: new Set(wanted.slice(at, at + BATCHES_PER_STREAM)), stop: new AbortController() };
      this.#streams = [...this.#streams, stream];
      void this.#run(stream);
    }
  }

  async #run({ ids, stop: { signal } }: Stream): Promise<void> {
    try {
      const updates = this.#client.watchMany([...ids], {
        signal,
        onState: (connection) => {
          if (signal.aborted) return;
          this.#change(ids, (view) => ({ ...view, state: afterConnection(view.state, connection) }));
        },
      });
      for await (const { batches, removed } of updates) {
        if (signal.aborted) return;
        for (const batch of batches) this.#tell(ids, batch);
        this.#settle(ids, removed, { state: "not-found", error: null });
      }
      if (signal.aborted) return;
      throw new Error("the server ended the events of batches that have not ended");
    } catch (thrown) {
      if (!signal.aborted) this.#settle(ids, [...ids], afterRefusal(toError(thrown)));
    }
  }

  #tell(ids: Set<string>, batch: WireBatch): void {
    const followed = this.#followed.get(batch.id);
    if (followed === undefined || !ids.has(batch.id)) return;
    // Two streams tell of it, and what is shown does not go back.
    if (followed.next.batch !== null && followed.next.batch.version > batch.version) return;
    const isEnded = batch.endedAt !== null;
    this.#set(followed, { batch, state: isEnded ? "ended" : "live", error: null });
    if (isEnded) this.#leave(ids, batch.id);
  }

  #settle(ids: Set<string>, settled: readonly string[], how: Pick<BatchView, "state" | "error">): void {
    for (const id of settled) {
      if (!ids.has(id)) continue;
      this.#change([id], ({ batch }) => ({ batch, ...how }));
      this.#leave(ids, id);
    }
  }

  #leave(ids: Set<string>, id: string): void {
    ids.delete(id);
    this.#plan();
  }

  #change(ids: Iterable<string>, toNext: (view: BatchView) => BatchView): void {
    for (const id of ids) {
      const followed = this.#followed.get(id);
      if (followed !== undefined) this.#set(followed, toNext(followed.next));
    }
  }

  #set(followed: Followed, next: BatchView): void {
    const { next: was } = followed;
    if (was.batch === next.batch && was.state === next.state && was.error === next.error) return;
    followed.next = next;
    this.#showing.request();
  }

  #show(): void {
    const changed = [...this.#followed.values()].filter(({ view, next }) => view !== next);
    for (const followed of changed) followed.view = followed.next;
    for (const { listeners } of changed) for (const listener of [...listeners]) listener();
  }
}

const hubs = new WeakMap<Client, BatchHub>();

/** The hub that all of a page's components share for a client. */
export function hubOf(client: Client): BatchHub {
  const known = hubs.get(client);
  if (known !== undefined) return known;
  const hub = new BatchHub(client);
  hubs.set(client, hub);
  return hub;
}
