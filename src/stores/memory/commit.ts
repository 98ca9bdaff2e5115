import { mustEnd } from "../../core/batch.ts";
import { CountsDelta, processedOf } from "../../core/counts.ts";
import { rawPercent } from "../../core/progress.ts";
import { isFailureBudgetSpent } from "../../core/retry-policy.ts";
import type { ItemState } from "../../core/transitions.ts";
import { type MemoryBatch, type MemoryItem, type MemoryState, notify } from "./memory-state.ts";

const FEED_SLACK = 1_024;

class BatchChange {
  readonly counts = new CountsDelta();
  /** True where the percent may go back: items were added or retried. */
  resetsPercent = false;
  readonly version: number;

  constructor(version: number) {
    this.version = version;
  }
}

/**
 * The changes of one call. Items are changed at once; what their batches show of it (counters, version, percent, end,
 * spent failure budget) is gathered and applied by `apply`, once for each batch.
 */
export class Commit {
  readonly state: MemoryState;
  readonly now: number;
  readonly #changes = new Map<MemoryBatch, BatchChange>();
  #hasEnded = false;

  constructor(state: MemoryState, now: number) {
    this.state = state;
    this.now = now;
  }

  /** The batch's change in this commit; asking for it raises the batch's version. */
  of(batch: MemoryBatch): BatchChange {
    const known = this.#changes.get(batch);
    if (known !== undefined) return known;
    const change = new BatchChange(batch.version + 1);
    this.#changes.set(batch, change);
    return change;
  }

  /** Enters the item into the feed under the version of this commit. */
  touch(item: MemoryItem): BatchChange {
    const change = this.of(item.batch);
    if (item.version !== change.version) {
      item.version = change.version;
      item.batch.feed.push({ version: change.version, item });
    }
    return change;
  }

  /** Sets the item's state and moves the counters with it. */
  move(item: MemoryItem, to: ItemState): void {
    const change = this.touch(item);
    if (item.state === to) return;
    change.counts.move(item.state, to);
    item.state = to;
  }

  setFraction(item: MemoryItem, fraction: number): void {
    this.touch(item).counts.flight += fraction - item.fraction;
    item.fraction = fraction;
  }

  /** Opens an ended batch again. */
  reopen(batch: MemoryBatch): void {
    batch.epoch += 1;
    batch.endedAt = null;
    batch.isCancelled = false;
  }

  apply(): void {
    for (const [batch, change] of this.#changes) this.#applyTo(batch, change);
    notify(this.state, this.#hasEnded);
  }

  #applyTo(batch: MemoryBatch, change: BatchChange): void {
    batch.version = change.version;
    batch.counts = change.counts.applyTo(batch.counts);
    batch.flight += change.counts.flight;
    const percent = rawPercent(processedOf(batch.counts), batch.flight, batch.counts.total);
    batch.percentFloor = change.resetsPercent ? percent : Math.max(batch.percentFloor, percent);
    if (mustEnd(batch)) {
      batch.endedAt = this.now;
      this.#hasEnded = true;
    } else if (change.counts.states.failed > 0) this.#checkFailureBudget(batch);
    if (batch.feed.length > 2 * batch.byKey.size + FEED_SLACK) {
      batch.feed = batch.feed.filter((entry) => entry.version === entry.item.version);
    }
  }

  #checkFailureBudget(batch: MemoryBatch): void {
    if (batch.control === "stop" || !isFailureBudgetSpent(batch.policy, batch.counts)) return;
    if (batch.control === batch.policy.onFailureBudget) return;
    batch.control = batch.policy.onFailureBudget;
    this.state.revision += 1;
  }
}
