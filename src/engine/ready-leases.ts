import type { BatchRow } from "../core/batch.ts";
import type { Lease } from "../ports/store.ts";
import type { Pipeline } from "./pipeline.ts";

/** All that a start needs. */
export interface ReadyLease {
  readonly lease: Lease;
  readonly batch: BatchRow;
  readonly pipeline: Pipeline;
}

/** What a worker has claimed and not started, in the order of the claims. */
export class ReadyLeases {
  readonly #leases: ReadyLease[] = [];
  #next = 0;

  get size(): number {
    return this.#leases.length - this.#next;
  }

  add(leases: readonly ReadyLease[]): void {
    this.#leases.push(...leases);
  }

  /** The next lease to start, or undefined. `skipCrashers` passes over items that have crashed a worker before. */
  take(skipCrashers: boolean): ReadyLease | undefined {
    let index = this.#next;
    if (skipCrashers) while (index < this.#leases.length && this.#leases[index]?.lease.crashes !== 0) index += 1;
    const ready = this.#leases[index];
    if (ready === undefined) return undefined;
    if (index === this.#next) this.#next += 1;
    else this.#leases.splice(index, 1);
    if (this.size === 0) this.takeAll();
    return ready;
  }

  all(): readonly ReadyLease[] {
    return this.#leases.slice(this.#next);
  }

  /** Empties the list and returns what was in it. */
  takeAll(): readonly ReadyLease[] {
    const left = this.all();
    this.#leases.length = 0;
    this.#next = 0;
    return left;
  }
}
