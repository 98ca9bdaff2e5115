import type { BatchSnapshot } from "../../core/batch.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { Logger } from "../../ports/logger.ts";

const HINTS_GATHERED_MS = 50;
/** A hint that was lost costs this much time. */
const POLL_EVERY_MS = 10_000;
/** Ends are looked for this much further back than the last look: clocks of processes differ, and commits take time. */
const OVERLAP_MS = 60_000;

/**
 * Calls `onEnd` for every batch that ends, of whatever process, and for those that ended up to `sinceMs` ago. An end may be
 * told again after a restart, or where `onEnd` failed; one that was taken back by a retry before anybody looked is not told.
 */
export class EndWatcher {
  readonly #milepost: Milepost;
  readonly #onEnd: (batch: BatchSnapshot) => Promise<void>;
  readonly #log: Logger;
  readonly #unsubscribe: () => void;
  readonly #poll: NodeJS.Timeout;
  /** Ends that were told, and when they were. */
  readonly #told = new Map<string, number>();
  #from: number;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #isStopped = false;

  constructor(parts: {
    readonly milepost: Milepost;
    readonly onEnd: (batch: BatchSnapshot) => Promise<void>;
    readonly log: Logger;
    readonly sinceMs: number;
  }) {
    this.#milepost = parts.milepost;
    this.#onEnd = parts.onEnd;
    this.#log = parts.log;
    this.#from = Date.now() - parts.sinceMs;
    this.#unsubscribe = parts.milepost.subscribe((mayHaveEnded) => {
      if (mayHaveEnded) this.#lookSoon();
    });
    this.#poll = setInterval(() => this.#lookSoon(), POLL_EVERY_MS);
    this.#poll.unref();
    this.#lookSoon();
  }

  /** Looks no more; resolves when a look that is under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#unsubscribe();
    clearInterval(this.#poll);
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#looking;
  }

  #lookSoon(): void {
    if (this.#isStopped || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      void (this.#looking ?? Promise.resolve()).then(() => {
        this.#timer = null;
        if (!this.#isStopped) this.#looking = this.#look();
      });
    }, HINTS_GATHERED_MS);
  }

  async #look(): Promise<void> {
    const startedAt = Date.now();
    try {
      for await (const batch of this.#endedSince(new Date(this.#from))) {
        const end = `${batch.id}:${batch.epoch}`;
        if (this.#told.has(end)) continue;
        await this.#onEnd(batch);
        this.#told.set(end, batch.endedAt?.getTime() ?? 0);
        if (this.#isStopped) return;
      }
      this.#from = Math.max(this.#from, startedAt - OVERLAP_MS);
      for (const [end, at] of this.#told) if (at < this.#from) this.#told.delete(end);
    } catch (error) {
      this.#log.warn("ended batches could not be looked for; trying again", { error: String(error) });
    }
    this.#looking = null;
  }

  async *#endedSince(endedSince: Date): AsyncGenerator<BatchSnapshot, void, undefined> {
    for (let after: string | undefined; ; ) {
      const limit = LIMITS.pageItems;
      const cursor = after === undefined ? {} : { after };
      const page = await this.#milepost.batches({ endedSince, limit, withEstimates: false, ...cursor });
      yield* page.batches;
      if (page.nextCursor === null) return;
      after = page.nextCursor;
    }
  }
}
