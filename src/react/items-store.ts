import type { BatchClient, ItemsFilter } from "../client/client.ts";
import { LIMITS } from "../core/limits.ts";
import type { WireBatch } from "../wire/batch.ts";
import type { WireChangedItem } from "../wire/event.ts";
import { afterConnection, afterRefusal, type FollowState, isSettled, toError } from "./batch-view.ts";
import { ItemWindow } from "./item-window.ts";
import { nextFrame, OnceAFrame, type Schedule } from "./once-a-frame.ts";

/** What a page knows of a batch's items. */
export interface ItemsView {
  /** In the order of their submission. */
  readonly items: readonly WireChangedItem[];
  /** True while there are more than these. */
  readonly hasMore: boolean;
  /** True while a page is being read. */
  readonly isLoading: boolean;
  readonly state: FollowState;
  /** Why it `failed`, or why the last page could not be read. */
  readonly error: Error | null;
}

export const NO_ITEMS: ItemsView = { items: [], hasMore: true, isLoading: false, state: "connecting", error: null };

export interface ItemsStoreOptions {
  readonly batch: Pick<BatchClient, "watch" | "items">;
  readonly state?: WireChangedItem["state"] | undefined;
  readonly limit: number;
  /** Told of the batch as often as its items are. */
  readonly onBatch?: (batch: WireBatch) => void;
  readonly schedule?: Schedule;
}

/**
 * The items of a batch for as long as somebody listens: the first `limit`, more by `loadMore`, all of them kept as they are
 * now. In memory are at most twice as many as were asked for.
 */
export class ItemsStore {
  readonly #batch: ItemsStoreOptions["batch"];
  readonly #filter: WireChangedItem["state"] | undefined;
  readonly #limit: number;
  readonly #onBatch: (batch: WireBatch) => void;
  readonly #showing: OnceAFrame;
  readonly #listeners = new Set<() => void>();
  #stop: AbortController | null = null;
  #isPlanned = false;
  #view = NO_ITEMS;
  #window: ItemWindow;
  /** How many items are asked for. */
  #wanted: number;
  #state: FollowState = "connecting";
  #error: Error | null = null;
  #isLoading = false;
  /** After the items were forgotten the ones shown stay until there are others. */
  #isBlank = true;

  constructor({ batch, state, limit, onBatch = () => {}, schedule = nextFrame }: ItemsStoreOptions) {
    this.#batch = batch;
    this.#filter = state;
    this.#limit = limit;
    this.#onBatch = onBatch;
    this.#wanted = limit;
    this.#window = new ItemWindow(state);
    this.#showing = new OnceAFrame(() => this.#show(), schedule);
  }

  /** The same object until a listener was told. */
  get view(): ItemsView {
    return this.#view;
  }

  /** @returns what ends it; with the last listener the stream goes */
  readonly follow = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    this.#plan();
    return () => {
      this.#listeners.delete(own);
      this.#plan();
    };
  };

  /** Reads on; the promise is kept when it is done or has failed. Asked for once more while it reads, it does nothing. */
  readonly loadMore = async (): Promise<void> => {
    if (this.#isLoading || !this.#window.hasMore || this.#stop === null) return;
    this.#wanted = this.#window.size + this.#limit;
    await this.#fill();
  };

  /** Follows items anew that have ended, were not there or failed. */
  readonly restart = (): void => {
    if (this.#stop === null || !isSettled(this.#state)) return;
    this.#stop.abort();
    this.#stop = null;
    this.#plan();
  };

  /** What leaves and comes back in one turn (React's strict mode) opens nothing twice. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      if (this.#listeners.size === 0) {
        this.#stop?.abort();
        this.#stop = null;
        this.#showing.cancel();
      } else if (this.#stop === null) {
        this.#stop = new AbortController();
        void this.#run(this.#stop.signal);
      }
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#forget();
    this.#set("connecting");
    let endedAt: string | null = null;
    try {
      const updates = this.#batch.watch({
        signal,
        onState: (connection) => {
          if (signal.aborted) return;
          const state = afterConnection(this.#state, connection);
          // What could not be read while the server was away can be now.
          this.#set(state, state === this.#state ? this.#error : null);
        },
      });
      for await (const { batch, items, removals, isFresh } of updates) {
        if (signal.aborted) return;
        endedAt = batch.endedAt;
        this.#onBatch(batch);
        if (isFresh) this.#forget();
        this.#window.change(
          items,
          removals.map(({ id }) => id),
        );
        this.#window.trim(2 * this.#wanted);
        this.#set("live", this.#error);
        // What others leave is refilled before it is empty; what could not be read is not asked for at each change.
        const isShort = this.#window.size < this.#wanted / 2;
        if (isFresh || (isShort && this.#error === null)) void this.#fill();
      }
      if (!signal.aborted) this.#set(endedAt === null ? "not-found" : "ended", this.#error);
    } catch (thrown) {
      if (signal.aborted) return;
      const { state, error } = afterRefusal(toError(thrown));
      this.#set(state, error);
    }
  }

  #forget(): void {
    this.#window = new ItemWindow(this.#filter);
    this.#isLoading = false;
    this.#isBlank = true;
  }

  async #fill(): Promise<void> {
    const [window, stop] = [this.#window, this.#stop];
    if (this.#isLoading || stop === null) return;
    const isCurrent = (): boolean => window === this.#window && stop === this.#stop;
    this.#error = null;
    this.#isLoading = true;
    this.#showing.request();
    try {
      while (window.hasMore && window.size < this.#wanted) {
        const page = await this.#batch.items(this.#pageAfter(window.beginPage()));
        if (!isCurrent()) return;
        window.place(page);
        this.#isBlank = false;
      }
    } catch (thrown) {
      window.giveUp();
      if (isCurrent()) this.#error = toError(thrown);
    }
    if (!isCurrent()) return;
    this.#isLoading = false;
    this.#showing.request();
  }

  /** What is asked for next: where all is read again, as much of it as a page can have. */
  #pageAfter(cursor: string | undefined): ItemsFilter {
    return {
      limit: Math.min(LIMITS.pageItems, Math.max(this.#limit, this.#wanted - this.#window.size)),
      ...(this.#filter !== undefined && { state: this.#filter }),
      ...(cursor !== undefined && { cursor }),
    };
  }

  #set(state: FollowState, error: Error | null = null): void {
    this.#state = state;
    this.#error = error;
    this.#showing.request();
  }

  #show(): void {
    this.#view = {
      items: this.#isBlank ? this.#view.items : this.#window.items(),
      hasMore: this.#window.hasMore,
      isLoading: this.#isLoading,
      state: this.#state,
      error: this.#error,
    };
    for (const listener of [...this.#listeners]) listener();
  }
}
