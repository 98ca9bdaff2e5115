import type { BatchSnapshot, BatchStatus } from "../../core/batch.ts";
import type { Counts } from "../../core/counts.ts";
import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { BatchesQuery } from "../../engine/options.ts";

/** Clocks of processes differ, and commits take time: ends and new batches are looked for this much further back. */
const OVERLAP_MS = 60_000;
/** Ended items whose times one look reads; of more, these are a sample. */
const ITEMS_A_LOOK = 5_000;

export type EndState = "completed" | "failed" | "cancelled";
export const END_STATES: readonly EndState[] = ["completed", "failed", "cancelled"];

/** What happened since the look before. */
export interface WorkSeen {
  ended(batch: BatchSnapshot, status: BatchStatus): void;
  items(batch: BatchSnapshot, what: EndState | "submitted", count: number): void;
  /** Seconds from submission (or its scheduled start) to the first attempt. */
  waited(batch: BatchSnapshot, seconds: number): void;
  /** Seconds of an item's last attempt. */
  ran(batch: BatchSnapshot, seconds: number): void;
}

/** What of a batch was told already. */
interface Told {
  readonly counts: Counts;
  readonly version: number;
  readonly epoch: number;
  readonly endedAt: number | null;
  /** The look that saw it last. */
  readonly at: number;
}

const NOTHING: Told = {
  counts: { total: 0, pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 },
  version: 0,
  epoch: -1,
  endedAt: null,
  at: 0,
};

/**
 * Compares the store's counters with those of the last look and tells what moved: what any process did, and what stays told
 * when batches are deleted. What was done before the first look is not told. An item that failed, was retried by hand and
 * failed again between two looks is seen once; a batch that was deleted between two looks, without its last part.
 */
export class WorkLook {
  readonly #milepost: Milepost;
  readonly #told = new Map<string, Told>();
  #lookedAt = Date.now();

  constructor(milepost: Milepost) {
    this.#milepost = milepost;
  }

  /** Returns the batches that have not ended. */
  async look(seen: WorkSeen): Promise<readonly BatchSnapshot[]> {
    const lookedAt = Date.now();
    const since = new Date(this.#lookedAt - OVERLAP_MS);
    const running = await this.#all({ isEnded: false });
    // Read last: what ended meanwhile is in both, and told in that order.
    const ended = await this.#all({ endedSince: since });
    let budget = ITEMS_A_LOOK;
    for (const batch of [...running, ...ended]) {
      const before = this.#told.get(batch.id) ?? (batch.createdAt >= since ? NOTHING : toTold(batch, lookedAt));
      this.#told.set(batch.id, toTold(batch, lookedAt));
      tellCounts(batch, before, seen);
      if (batch.version > before.version && budget > 0) budget -= await this.#tellTimes(batch, before, budget, seen);
    }
    // One that was opened again between the two reads is in neither list, once.
    for (const [id, { at }] of this.#told) if (at < this.#lookedAt) this.#told.delete(id);
    this.#lookedAt = lookedAt;
    return running;
  }

  async #tellTimes(batch: BatchSnapshot, before: Told, budget: number, seen: WorkSeen): Promise<number> {
    const readyAt = Math.max(batch.createdAt.getTime(), batch.startAt?.getTime() ?? 0);
    let since = before.version;
    let read = 0;
    while (read < budget) {
      const page = await this.#milepost.batch(batch.id).changes({ since, limit: LIMITS.pageItems }).catch(unlessGone);
      if (page === null || !page.isResumable) break;
      for (const item of page.items) {
        if (item.startedAt === null || item.endedAt === null || item.state === "cancelled") continue;
        if (item.attempts === 1) seen.waited(batch, Math.max(0, item.startedAt.getTime() - readyAt) / 1_000);
        seen.ran(batch, Math.max(0, item.endedAt.getTime() - item.startedAt.getTime()) / 1_000);
      }
      read += page.items.length;
      since = page.version;
      if (!page.hasMore) break;
    }
    return read;
  }

  async #all(query: BatchesQuery): Promise<readonly BatchSnapshot[]> {
    const all: BatchSnapshot[] = [];
    for (let after: string | undefined; ; ) {
      const cursor = after === undefined ? {} : { after };
      const page = await this.#milepost.batches({ ...query, ...cursor, limit: LIMITS.pageItems, withEstimates: false });
      all.push(...page.batches);
      if (page.nextCursor === null) return all;
      after = page.nextCursor;
    }
  }
}

function toTold({ counts, version, epoch, endedAt }: BatchSnapshot, at: number): Told {
  return { counts, version, epoch, endedAt: endedAt?.getTime() ?? null, at };
}

/** A batch may be deleted between two reads. */
function unlessGone(error: unknown): null {
  if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
  throw error;
}

function tellCounts(batch: BatchSnapshot, before: Told, seen: WorkSeen): void {
  for (const state of END_STATES) seen.items(batch, state, Math.max(0, batch.counts[state] - before.counts[state]));
  seen.items(batch, "submitted", Math.max(0, batch.counts.total - before.counts.total));
  const isToldEnd = before.endedAt !== null && before.epoch === batch.epoch;
  if (batch.endedAt !== null && !isToldEnd) seen.ended(batch, batch.status);
}
