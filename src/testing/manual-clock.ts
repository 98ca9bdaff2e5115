import type { Clock, Timer } from "../ports/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly task: () => void;
  isCancelled: boolean;
}

/** A clock under the test's hand: it stands still until told to go on, and runs the timers it passes, in order. */
export class ManualClock implements Clock {
  #wallMs: number;
  #passedMs = 0;
  #order = 0;
  #timers = 0;
  /** A binary heap, the next timer at its root; cancelled timers lie in it until they would fall due. */
  readonly #heap: Waiting[] = [];

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
    const dueMs = this.#passedMs + Math.max(0, delayMs);
    const waiting: Waiting = { dueMs, order: this.#order++, task, isCancelled: false };
    this.#push(waiting);
    this.#timers += 1;
    return {
      cancel: () => {
        if (waiting.isCancelled) return;
        waiting.isCancelled = true;
        this.#timers -= 1;
      },
    };
  }

  /** Timers that wait; a test that ends with some has leaked them. */
  get timers(): number {
    return this.#timers;
  }

  /** Lets time pass, on both faces of the clock, and runs what falls due on the way, each timer at its own time. */
  advance(ms: number): void {
    const end = this.#passedMs + ms;
    for (let next = this.#next(); next !== undefined && next.dueMs <= end; next = this.#next()) this.#run(next);
    this.#passedMs = end;
  }

  /** Goes on to the next timer and runs it alone. False, and nothing has changed, if none waits. */
  step(): boolean {
    const next = this.#next();
    if (next === undefined) return false;
    this.#run(next);
    return true;
  }

  /** Moves the wall clock alone, as an operator or a time server does. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** The timer that falls due next, or undefined. */
  #next(): Waiting | undefined {
    while (this.#heap[0]?.isCancelled) this.#pop();
    return this.#heap[0];
  }

  #run(next: Waiting): void {
    this.#pop();
    // A cancel that comes from now on has nothing to cancel.
    next.isCancelled = true;
    this.#timers -= 1;
    this.#passedMs = next.dueMs;
    next.task();
  }

  #push(waiting: Waiting): void {
    let index = this.#heap.push(waiting) - 1;
    for (let above = (index - 1) >> 1; index > 0 && this.#isSooner(index, above); above = (index - 1) >> 1) {
      this.#swap(index, above);
      index = above;
    }
  }

  #pop(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let index = 0; ; ) {
      let first = index;
      for (const below of [2 * index + 1, 2 * index + 2]) if (this.#isSooner(below, first)) first = below;
      if (first === index) return;
      this.#swap(index, first);
      index = first;
    }
  }

  #isSooner(index: number, than: number): boolean {
    const a = this.#heap[index];
    const b = this.#heap[than];
    if (a === undefined || b === undefined) return false;
    return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
  }

  #swap(index: number, other: number): void {
    const a = this.#heap[index];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return;
    this.#heap[index] = b;
    this.#heap[other] = a;
  }
}
