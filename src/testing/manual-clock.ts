import type { Clock, Timer } from "../ports/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
}

/** A clock under the test's hand: it stands still until told to go on, and runs the timers it passes, in order. */
export class ManualClock implements Clock {
  #wallMs: number;
  #passedMs = 0;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  /** @param wallMs the wall time to begin with, in milliseconds since 1970 */
  constructor(wallMs = 1_800_000_000_000) {
    this.#wallMs = wallMs;
  }

  now(): number {
    return this.#wallMs + this.#passedMs;
  }

  monotonic(): number {
    return this.#passedMs;
  }

  after(delayMs: number, task: () => void): Timer {
    const waiting: Waiting = { dueMs: this.#passedMs + Math.max(0, delayMs), order: this.#order++, task };
    this.#waiting.add(waiting);
    return { cancel: () => this.#waiting.delete(waiting) };
  }

  /** Timers that wait; a test that ends with some has leaked them. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Lets time pass, on both faces of the clock, and runs what falls due on the way, each timer at its own time. */
  advance(ms: number): void {
    const end = this.#passedMs + ms;
    for (let next = this.#firstDue(end); next !== undefined; next = this.#firstDue(end)) {
      this.#waiting.delete(next);
      this.#passedMs = Math.max(this.#passedMs, next.dueMs);
      next.task();
    }
    this.#passedMs = end;
  }

  /** Moves the wall clock alone, as an operator or a time server does. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #firstDue(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > end) continue;
      const isSooner = first === undefined || waiting.dueMs < first.dueMs;
      if (isSooner || (waiting.dueMs === first?.dueMs && waiting.order < first.order)) first = waiting;
    }
    return first;
  }
}
