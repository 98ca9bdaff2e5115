import { ApiError, type Client } from "../../../src/client/client.ts";
import { RateMeter } from "../../../src/format/rate-meter.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { PacedRead } from "../live/paced-read.ts";
import type { ConnectionState } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { lineOf, turnChanges } from "./turns.ts";

const FIRST_PAGE = 100;
const NEXT_PAGE = 1_000;
/** Batches that the page holds; the oldest that have ended are left out beyond. */
const BATCHES_MAX = 10_000;
/** With those that come while it is open. */
const HELD_MAX = 12_000;
/** Between two readings of how many there are, where the page does not hold all of them. */
const COUNT_EVERY_MS = 1_000;

const NOT_THE_TOKEN: ShownProblem = {
  title: "The server does not take this token any more",
  detail: "it may have been started anew with another one: sign out, and in again with that.",
};

export interface OverviewOptions {
  readonly client: Pick<Client, "batches" | "watchMany">;
  readonly schedule: Schedule;
  readonly now: () => number;
  readonly setPriority: (batchId: string, priority: number) => Promise<WireBatch>;
  readonly isOperator: boolean;
  readonly onConnection: (state: ConnectionState) => void;
  /** Told after changes came, for what is not in the stream itself. */
  readonly onNews?: () => void;
}

/**
 * The batches that the caller may see, as they change: pages of all there are, the newest first, and one stream about those
 * that run. What is told later counts more, by version.
 */
export class OverviewStore extends Observable {
  readonly #options: OverviewOptions;
  readonly #batches = new Map<string, WireBatch>();
  readonly #rates = new Map<string, RateMeter>();
  readonly #stop = new AbortController();
  /** Where the next page begins; null: all were read. */
  #cursor: string | null = null;
  /** As the server counted them last. */
  #counted = 0;
  readonly #count = new PacedRead(() => this.#readCount());
  #loading: Promise<void> | null = null;
  #isLoaded = false;
  #isFollowing = false;
  #problem: ShownProblem | null = null;

  constructor(options: OverviewOptions) {
    super(options.schedule);
    this.#options = options;
  }

  get batches(): ReadonlyMap<string, WireBatch> {
    return this.#batches;
  }

  /** False until the first page has come. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** True while there are older batches that were not read. */
  get hasMore(): boolean {
    return this.#cursor !== null;
  }

  /** How many there are, held or not. */
  get total(): number {
    return this.hasMore ? Math.max(this.#counted, this.#batches.size) : this.#batches.size;
  }

  /** True where more will not be read: the page holds as many as it may. */
  get isFull(): boolean {
    return this.#cursor !== null && this.#batches.size >= BATCHES_MAX;
  }

  get isLoading(): boolean {
    return this.#loading !== null;
  }

  /** Why nothing could be read; null: it could. */
  get problem(): ShownProblem | null {
    return this.#problem;
  }

  rateOf(id: string): number | null {
    return this.#rates.get(id)?.perSecond(this.#options.now()) ?? null;
  }

  /** Reads the first page and follows what runs until `stop`. Again: what was missed, where the stream had ended. */
  start(): void {
    void this.reload();
    if (!this.#isFollowing) void this.#follow();
  }

  stop(): void {
    this.#stop.abort();
    this.#count.stop();
  }

  /** Reads the newest batches again. */
  async reload(): Promise<void> {
    this.#cursor = null;
    await this.#load({ limit: FIRST_PAGE });
  }

  /** Reads the next page, if there is one and none is being read. */
  loadMore(): Promise<void> {
    if (this.#cursor === null || this.isFull) return Promise.resolve();
    return this.#load({ limit: NEXT_PAGE, cursor: this.#cursor });
  }

  /** Reads all there are, as far as the page may hold them: what is sorted and searched must be there. */
  async loadAll(): Promise<void> {
    await this.#loading;
    while (this.#cursor !== null && !this.isFull && !this.#stop.signal.aborted && this.#problem === null) {
      await this.loadMore();
    }
  }

  /** Takes a batch as an answer to a command showed it. */
  take(batch: WireBatch): void {
    const known = this.#batches.get(batch.id);
    if (known === undefined && this.#batches.size >= HELD_MAX) return;
    if (known !== undefined && known.version > batch.version) return;
    this.#batches.set(batch.id, batch);
    this.#measure(batch);
    this.changed();
  }

  /** Brings a batch to the place of another of its queue; tells which place of how many it has then. */
  async bringTo(moved: WireBatch, target: WireBatch): Promise<{ readonly place: number; readonly of: number }> {
    const changes = turnChanges(lineOf(this.#batches.values(), moved.queue), moved.id, target.id);
    // From the end: whoever is at work meanwhile finds the order of before or of after, and nothing between.
    for (const { id, priority } of changes.toReversed()) this.take(await this.#options.setPriority(id, priority));
    const line = lineOf(this.#batches.values(), moved.queue);
    return { place: line.findIndex(({ id }) => id === moved.id) + 1, of: line.length };
  }

  drop(ids: readonly string[]): void {
    for (const id of ids) {
      this.#batches.delete(id);
      this.#rates.delete(id);
    }
    this.changed();
  }

  #load(query: { readonly limit: number; readonly cursor?: string }): Promise<void> {
    this.#loading ??= this.#read(query).finally(() => {
      this.#loading = null;
      this.changed();
    });
    return this.#loading;
  }

  async #read(query: { readonly limit: number; readonly cursor?: string }): Promise<void> {
    try {
      const { batches, nextCursor, total } = await this.#options.client.batches({ ...query, count: true });
      for (const batch of batches) this.take(batch);
      this.#cursor = nextCursor;
      this.#counted = total ?? 0;
      this.#isLoaded = true;
      this.#problem = null;
    } catch (error) {
      // The batch at the cursor is gone: begin again, which costs what is known already.
      if (query.cursor !== undefined && error instanceof ApiError && error.status === 400) {
        this.#cursor = null;
        return this.#read({ limit: NEXT_PAGE });
      }
      this.#problem = showProblem(error);
    }
  }

  async #follow(): Promise<void> {
    const { client, onConnection, onNews } = this.#options;
    const { signal } = this.#stop;
    this.#isFollowing = true;
    let breaks = 0;
    const onState = (state: ConnectionState): void => {
      onConnection(state);
      if (state === "waiting") breaks += 1;
      if (state !== "live" || breaks === 0) return;
      // What ended in the meantime is not told any more.
      breaks = 0;
      void this.reload();
    };
    try {
      for await (const { batches, removed } of client.watchMany("all", { signal, onState })) {
        for (const batch of batches) this.take(batch);
        if (removed.length > 0) this.drop(removed);
        if (this.hasMore) this.#count.hint(COUNT_EVERY_MS);
        onNews?.();
      }
    } catch (error) {
      // Who has sent nothing in yet has nothing to hear of.
      onConnection("idle");
      const isUnknown = error instanceof ApiError && error.status === 401;
      if (isUnknown && this.#options.isOperator) this.#problem = NOT_THE_TOKEN;
      else if (!isUnknown) this.#problem = showProblem(error);
      this.changed();
    } finally {
      this.#isFollowing = false;
    }
  }

  async #readCount(): Promise<void> {
    try {
      const { total } = await this.#options.client.batches({ limit: 1, count: true });
      this.#counted = total ?? 0;
      this.changed();
    } catch {
      // The stream says what is wrong; what was counted stays until it can be counted again.
    }
  }

  #measure({ id, processed, endedAt }: WireBatch): void {
    if (endedAt !== null) {
      this.#rates.delete(id);
      return;
    }
    const meter = this.#rates.get(id) ?? new RateMeter();
    meter.add(processed, this.#options.now());
    this.#rates.set(id, meter);
  }
}
