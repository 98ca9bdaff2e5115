import { LIMITS } from "../core/limits.ts";

/** A refill that lasts this long is large enough: what lies claimed and unstarted keeps others from running it. */
const REFILL_MS = 20;

/**
 * How many items a worker claims ahead of its handlers. Long items: none, so that another worker may have them. Short ones:
 * as many as run in some 20 ms, so that they do not pay a round trip each. Grows and shrinks by doubling and halving.
 */
export class ReadAhead {
  readonly #concurrency: number;
  #ahead = 0;
  #claimedAt = Number.NEGATIVE_INFINITY;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Items to claim now; 0 while more than half of the last refill waits. */
  room(facts: { readonly running: number; readonly waiting: number; readonly now: number }): number {
    const free = this.#concurrency - facts.running - facts.waiting;
    if (facts.waiting > this.#ahead / 2 || (free <= 0 && this.#ahead === 0)) return 0;
    const sinceMs = facts.now - this.#claimedAt;
    this.#claimedAt = facts.now;
    if (sinceMs < REFILL_MS) this.#ahead = Math.min(LIMITS.claimItems, Math.max(1, this.#ahead * 2));
    else if (sinceMs > 4 * REFILL_MS) this.#ahead = Math.floor(this.#ahead / 2);
    return Math.max(0, Math.min(LIMITS.claimItems, free + this.#ahead));
  }
}
