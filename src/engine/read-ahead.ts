import { LIMITS } from "../core/limits.ts";

/** A refill that lasts this long is large enough: what lies claimed and unstarted keeps others from running it. */
const REFILL_MS = 100;

const STALE_MS = 4 * REFILL_MS;

/**
 * How many items a worker claims ahead of its handlers. Long items: none, so that another worker may have them and a change
 * of priority counts. Short ones: as many as run in some 100 ms, so that they do not pay a round trip each. It doubles when a
 * whole refill was used up within 100 ms, and halves when one lasted longer than 400.
 */
export class ReadAhead {
  readonly #concurrency: number;
  #ahead = 0;
  #claimedAt = Number.NEGATIVE_INFINITY;
  #endedAtClaim = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Whether nothing needs to be claimed while so many run and wait. */
  isEnough(running: number, waiting: number): boolean {
    return waiting > this.#ahead / 2 || (this.#ahead === 0 && running + waiting >= this.#concurrency);
  }

  /** Items to claim now; 0 while more than half of the last refill waits. `ended` counts handlers since the worker's start. */
  room(facts: {
    readonly running: number;
    readonly waiting: number;
    readonly ended: number;
    readonly now: number;
  }): number {
    const free = this.#concurrency - facts.running - facts.waiting;
    if (this.isEnough(facts.running, facts.waiting)) return 0;
    const sinceMs = facts.now - this.#claimedAt;
    const isUsedUp = facts.ended - this.#endedAtClaim >= Math.max(1, this.#ahead / 2);
    if (sinceMs < REFILL_MS && isUsedUp) this.#ahead = Math.min(LIMITS.claimItems, Math.max(1, this.#ahead * 2));
    else if (sinceMs > STALE_MS) this.#ahead = Math.floor(this.#ahead / 2);
    this.#claimedAt = facts.now;
    this.#endedAtClaim = facts.ended;
    return Math.max(0, Math.min(LIMITS.claimItems, free + this.#ahead));
  }

  /** True once the last refill has lasted too long: the items turned out long, and what waits should go back. */
  isStale(now: number): boolean {
    if (this.#ahead === 0 || now - this.#claimedAt <= STALE_MS) return false;
    this.#ahead = 0;
    return true;
  }
}
