import type { BatchRow } from "../core/batch.ts";
import type { Lease } from "../ports/store.ts";
import type { Pipeline } from "./pipeline.ts";

/** All that a start needs. */
export interface ReadyLease {
  readonly lease: Lease;
  readonly batch: BatchRow;
  readonly pipeline: Pipeline;
}

/** What a worker has claimed and not started, in the order of the claims: one list for each claim, so that none outlives it. */
export class ReadyLeases {
  #claims: Claim[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(leases: readonly ReadyLease[]): void {
    if (leases.length === 0) return;
    this.#claims.push({ leases: [...leases], next: 0 });
    this.#size += leases.length;
  }

  /** The next lease to start, or undefined. `skipCrashers` passes over items that have crashed a worker before. */
  take(skipCrashers: boolean): ReadyLease | undefined {
    for (let index = 0; index < this.#claims.length; index++) {
      const claim = this.#claims[index];
      if (claim === undefined) return undefined;
      const { leases } = claim;
      let at = claim.next;
      if (skipCrashers) while (at < leases.length && leases[at]?.lease.crashes !== 0) at += 1;
      const ready = leases[at];
      if (ready === undefined) continue;
      if (at === claim.next) claim.next += 1;
      else leases.splice(at, 1);
      if (claim.next === leases.length) this.#claims.splice(index, 1);
      this.#size -= 1;
      return ready;
    }
    return undefined;
  }

  all(): readonly ReadyLease[] {
    return this.#claims.flatMap(({ leases, next }) => leases.slice(next));
  }

  /** Empties the list and returns what was in it. */
  takeAll(): readonly ReadyLease[] {
    const left = this.all();
    this.#claims = [];
    this.#size = 0;
    return left;
  }
}

interface Claim {
  readonly leases: ReadyLease[];
  /** Where what was not taken begins. */
  next: number;
}
