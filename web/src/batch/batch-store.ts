import { ApiError, type BatchClient } from "../../../src/client/client.ts";
import { RateMeter } from "../../../src/format/rate-meter.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireFailures, WireStages } from "../../../src/wire/breakdown.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { PacedRead } from "../live/paced-read.ts";
import type { ConnectionState } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import type { ItemNews } from "./item-list.ts";
import { Samples } from "./samples.ts";

/** Between two readings of stages and failures; sooner where the number of failures is another. */
const BREAKDOWN_EVERY_MS = 2_000;
const FAILURES_EVERY_MS = 200;

export interface BatchStoreOptions {
  readonly client: Pick<BatchClient, "watch" | "failures" | "stages" | "read">;
  readonly schedule: Schedule;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onConnection: (state: ConnectionState) => void;
}

/** Whoever wants to hear of each item that changes. */
export interface ItemReader {
  apply(news: ItemNews): void;
}

/** One batch as it changes: itself, what its items are doing, and what was seen of its rate and estimate. */
export class BatchStore extends Observable {
  readonly #options: BatchStoreOptions;
  readonly #rate = new RateMeter();
  readonly #samples = new Samples();
  readonly #readers = new Set<ItemReader>();
  readonly #stop = new AbortController();
  #batch: WireBatch | null = null;
  #stages: WireStages["stages"] = [];
  #failures: WireFailures["failures"] = [];
  #problem: ShownProblem | null = null;
  #isGone = false;
  #isFollowing = false;
  readonly #breakdown = new PacedRead(() => this.#readBreakdown());

  constructor(options: BatchStoreOptions) {
    super(options.schedule);
    this.#options = options;
  }

  /** Null until it was read. */
  get batch(): WireBatch | null {
    return this.#batch;
  }

  get stages(): WireStages["stages"] {
    return this.#stages;
  }

  get failures(): WireFailures["failures"] {
    return this.#failures;
  }

  get samples(): Samples {
    return this.#samples;
  }

  get problem(): ShownProblem | null {
    return this.#problem;
  }

  /** True where there is no such batch, or not any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get perSecond(): number | null {
    return this.#rate.perSecond(this.#options.now());
  }

  start(): void {
    void this.#follow();
  }

  stop(): void {
    this.#stop.abort();
    this.#breakdown.stop();
  }

  /** Tells a reader of items from now on; returns how to leave. */
  feed(reader: ItemReader): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Takes the batch as an answer to a command showed it. One that had ended and has not any more is followed again. */
  take(batch: WireBatch): void {
    this.#see(batch);
    if (this.#batch?.endedAt === null) void this.#follow();
  }

  /** Who looks again after a while may have missed that a batch, once ended, was opened again. */
  wake(): void {
    if (this.#batch?.endedAt == null) return;
    void this.#options.client.read().then(
      (batch) => this.take(batch),
      () => {},
    );
  }

  /** The batch was removed by who is at the page. */
  drop(): void {
    this.#isGone = true;
    this.#stop.abort();
    this.changed();
  }

  async #follow(): Promise<void> {
    if (this.#isFollowing || this.#isGone) return;
    this.#isFollowing = true;
    const { client, onConnection } = this.#options;
    const { signal } = this.#stop;
    try {
      for await (const { batch, items, removals, isFresh } of client.watch({ signal, onState: onConnection })) {
        const isFirst = this.#batch === null;
        this.#see(batch);
        if (items.length === 0 && removals.length === 0 && (!isFresh || isFirst)) continue;
        for (const reader of this.#readers) reader.apply({ items, removals, isFresh: isFresh && !isFirst });
      }
      if (!signal.aborted) await this.#seeEnd();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#isGone = true;
      else this.#problem = showProblem(error);
      onConnection("idle");
      this.changed();
    } finally {
      this.#isFollowing = false;
    }
  }

  /** A stream ends when the batch has ended, or is gone. */
  async #seeEnd(): Promise<void> {
    this.#options.onConnection("idle");
    if (this.#batch?.endedAt == null) {
      const batch = await this.#options.client.read();
      this.#see(batch);
    }
    this.#breakdown.hint(0);
  }

  #see(batch: WireBatch): void {
    if (this.#batch !== null && batch.version < this.#batch.version) return;
    const isChanged = batch.version !== this.#batch?.version;
    const isFailing = batch.counts.failed !== this.#batch?.counts.failed;
    this.#batch = batch;
    this.#problem = null;
    const timeMs = this.#options.now();
    this.#rate.add(batch.processed, timeMs);
    if (batch.endedAt === null) {
      const { low, median, high } = batch.estimate ?? { low: null, median: null, high: null };
      this.#samples.add({ timeMs, perSecond: this.perSecond, low, median, high });
    }
    if (isChanged) this.#breakdown.hint(isFailing ? FAILURES_EVERY_MS : BREAKDOWN_EVERY_MS);
    this.changed();
  }

  async #readBreakdown(): Promise<void> {
    const { client } = this.#options;
    try {
      const [{ failures }, { stages }] = await Promise.all([client.failures(), client.stages()]);
      this.#failures = failures;
      this.#stages = stages;
    } catch {
      // The stream says what is wrong; what is known stays until it can be read again.
    }
    this.changed();
  }
}
