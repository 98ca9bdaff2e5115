import { type ItemState, isTerminal } from "../../src/core/transitions.ts";

/** What the model knows of an item: the least that explains what a store may answer. */
export interface ModelItem {
  readonly key: string;
  readonly number: number;
  state: ItemState;
  priority: number;
  isHeld: boolean;
  runAt: number;
  attempts: number;
  crashes: number;
  /** The lease that counts, null for none. */
  lease: ModelLease | null;
}

export interface ModelLease {
  readonly item: number;
  readonly token: number;
  readonly worker: number;
}

interface ModelWorker {
  number: number;
  beatAt: number;
  isAlive: boolean;
}

export const CRASH_BUDGET = 2;
export const LEASE_MS = 5_000;

/**
 * One queue with one batch and two workers, in the simplest terms: lists that are searched, counts that are counted. It
 * decides by its own rules, written after the specification and not after any store.
 */
export class StoreModel {
  readonly items = new Map<number, ModelItem>();
  readonly workers: ModelWorker[] = [];
  /** Requests by key: the id of the submission that is under way, or that it is whole. */
  readonly requests = new Map<string, string>();
  queueControl = "run";
  control = "run";
  isCancelled = false;
  isSealed = false;
  isEnded = false;
  epoch = 1;

  get ordered(): readonly ModelItem[] {
    return [...this.items.values()].sort((a, b) => a.number - b.number);
  }

  count(state: ItemState): number {
    return this.ordered.filter((item) => item.state === state).length;
  }

  add(added: readonly { readonly key: string; readonly number: number }[], seal: boolean): void {
    for (const { key, number } of added) {
      const item = {
        key,
        number,
        state: "pending",
        priority: 0,
        isHeld: false,
        runAt: 0,
        attempts: 0,
        crashes: 0,
      } as const;
      this.items.set(number, { ...item, lease: null });
    }
    if (added.length > 0) {
      if (this.isSealed) this.#reopen();
      this.isCancelled = false;
      this.isSealed = false;
    }
    this.isSealed ||= seal;
    this.settle();
  }

  /** The numbers that a claim must give, in order. */
  claimable(worker: number, limit: number, now: number): readonly number[] {
    const isOpen = this.queueControl === "run" && this.control === "run" && !this.isCancelled;
    if (!isOpen || this.workers[worker]?.isAlive !== true) return [];
    return this.ordered
      .filter((item) => item.state === "pending" && item.lease === null && !item.isHeld && item.runAt <= now)
      .sort((a, b) => a.priority - b.priority || a.number - b.number)
      .slice(0, limit)
      .map((item) => item.number);
  }

  /** The item, if the lease still counts. */
  heldBy(lease: ModelLease): ModelItem | undefined {
    const item = this.items.get(lease.item);
    return item?.lease === lease ? item : undefined;
  }

  start(item: ModelItem): void {
    item.state = "processing";
    item.attempts += 1;
  }

  end(item: ModelItem, state: "completed" | "failed" | "cancelled"): void {
    if (state !== "cancelled" && item.state === "pending") this.start(item);
    item.state = state;
    item.lease = null;
    item.isHeld = false;
    item.runAt = 0;
    this.settle();
  }

  giveBack(item: ModelItem, runAt = 0): void {
    item.state = "pending";
    item.lease = null;
    item.runAt = runAt;
  }

  crash(item: ModelItem): void {
    item.crashes += 1;
    if (item.crashes >= CRASH_BUDGET) this.end(item, "failed");
    else this.giveBack(item);
  }

  retry(item: ModelItem): void {
    this.giveBack(item);
    item.crashes = 0;
    if (this.isEnded) this.#reopen();
    this.isCancelled = false;
  }

  /** Takes everything from a worker that is gone. */
  bury(worker: ModelWorker, isCrash: boolean): void {
    for (const item of this.ordered) {
      if (item.lease?.worker !== worker.number) continue;
      if (isCrash && item.state === "processing") this.crash(item);
      else this.giveBack(item);
    }
    worker.isAlive = false;
  }

  /** Ends the batch if it must end now. */
  settle(): void {
    if (this.isSealed && this.ordered.every((item) => isTerminal(item.state))) this.isEnded = true;
  }

  #reopen(): void {
    this.epoch += 1;
    this.isEnded = false;
    this.isCancelled = false;
  }
}
