import type { Lease } from "../ports/store.ts";

/** What a worker has claimed and not started, in the order of the claims. */
export class ReadyLeases {
  readonly #leases: Lease[] = [];
  #next = 0;

  get size(): number {
    return this.#leases.length - this.#next;
  }

  add(leases: readonly Lease[]): void {
    this.#leases.push(...leases);
  }

  /** The next lease to start, or undefined. `skipCrashers` passes over items that have crashed a worker before. */
  take(skipCrashers: boolean): Lease | undefined {
    let index = this.#next;
    if (skipCrashers) while (index < this.#leases.length && this.#leases[index]?.crashes !== 0) index += 1;
    const lease = this.#leases[index];
    if (lease === undefined) return undefined;
    if (index === this.#next) this.#next += 1;
    else this.#leases.splice(index, 1);
    if (this.size === 0) this.takeAll();
    return lease;
  }

  /** Empties the list and returns what was in it. */
  takeAll(): readonly Lease[] {
    const left = this.#leases.slice(this.#next);
    this.#leases.length = 0;
    this.#next = 0;
    return left;
  }
}
