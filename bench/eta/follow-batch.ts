import { type Answer, answerOf, type Shown } from "../../src/core/answer.ts";
import { estimateLeft } from "../../src/core/estimator/estimate.ts";
import { type History, learn, type Noted, noteRange } from "../../src/core/estimator/history.ts";
import type { InFlight } from "../../src/core/estimator/in-flight.ts";
import { type Ended, emptyTally, plan, record, type Sized, type Tally } from "../../src/core/estimator/tally.ts";

interface Running extends Sized {
  readonly startedActive: number;
  fraction: number | null;
}

/** What the engine saves of a batch, in one process. Times in seconds. */
export interface FollowerState {
  readonly tally: Tally;
  readonly noted: readonly Noted[];
  readonly shown: Shown;
  /** Working time, and working time × workers that could have been busy. */
  readonly active: number;
  readonly capacity: number;
}

/**
 * Follows one batch as the engine does, in one process and by a clock that is handed in: seconds that must not go back. Starts from a
 * saved state and the items that ran then, if there are any.
 */
export class BatchFollower {
  readonly #history: History | null;
  readonly #running = new Map<number, Running>();
  #state: FollowerState;
  #at: number;
  /** Items that are not settled. */
  #left: number;
  #workers = 0;
  /** Working time at which an item was completed here first. */
  #warmAt = Number.POSITIVE_INFINITY;
  #isPaused = false;

  constructor(
    history: History | null = null,
    from?: { readonly state: FollowerState; readonly inFlight: readonly InFlight[]; readonly now: number },
  ) {
    const fresh = { tally: emptyTally(), noted: [], shown: null, active: 0, capacity: 0 };
    this.#history = history;
    this.#state = structuredClone(from?.state ?? fresh);
    this.#at = from?.now ?? 0;
    this.#left = Object.values(this.#state.tally.cells).reduce((sum, { left }) => sum + left, 0);
    for (const { id, age, ...item } of from?.inFlight ?? []) {
      this.#running.set(id, { ...item, startedActive: this.#state.active - age });
    }
  }

  /** A copy of what must be saved. */
  get state(): FollowerState {
    return structuredClone(this.#state);
  }

  add(item: Sized): void {
    plan(this.#state.tally, item, 1);
    this.#left += 1;
  }

  /** How the batch goes on from `now`. */
  run(how: { readonly workers: number; readonly isPaused: boolean }, now: number): void {
    this.#tick(now);
    this.#workers = how.workers;
    this.#isPaused = how.isPaused;
  }

  started(id: number, item: Sized, now: number): void {
    this.#tick(now);
    this.#running.set(id, { ...item, startedActive: this.#state.active, fraction: null });
  }

  progressed(id: number, fraction: number, now: number): void {
    this.#tick(now);
    const running = this.#running.get(id);
    if (running !== undefined) running.fraction = fraction;
  }

  ended(id: number, outcome: Ended["outcome"], now: number): void {
    this.#tick(now);
    const running = this.#running.get(id);
    if (running === undefined) return;
    this.#running.delete(id);
    if (outcome !== "retried") this.#left -= 1;
    const { active, tally } = this.#state;
    const isFirst = running.startedActive < this.#warmAt;
    if (outcome === "completed") this.#warmAt = Math.min(this.#warmAt, active);
    record(tally, { ...running, outcome, seconds: active - running.startedActive, isFirst });
  }

  inFlight(now: number): InFlight[] {
    this.#tick(now);
    const { active } = this.#state;
    return [...this.#running].map(([id, { kind, size, fraction, startedActive }]) => ({
      ...{ id, kind, size, fraction },
      age: active - startedActive,
    }));
  }

  estimate(now: number, isOpen = false): Answer {
    const inFlight = this.inFlight(now);
    const { tally, active, capacity } = this.#state;
    const ages = inFlight.reduce((sum, { age }) => sum + age, 0);
    tally.sums.idle = Math.max(0, capacity - tally.sums.busy - ages);
    const facts = { tally, inFlight, active, workers: this.#workers, history: this.#history };
    const left = this.#workers > 0 ? estimateLeft(facts) : null;
    const { shown: before, noted } = this.#state;
    const terms = `${this.#total} ${this.#workers}`;
    const how = { shown: before, noted, terms, isOpen, isPaused: this.#isPaused, now };
    const { answer, shown } = answerOf({ ...facts, ...how }, left);
    const hasRange = left !== null && !isOpen;
    const passed = active / (active + (left?.median ?? 0));
    this.#state = {
      ...this.#state,
      shown,
      noted: hasRange ? noteRange(noted, passed, [active + left.low, active + left.high, terms]) : noted,
    };
    return answer;
  }

  /** The history after this batch; call it once, when the batch has ended at `now`. */
  learn(now: number): History | null {
    this.#tick(now);
    return learn(this.#history, { ...this.#state, finish: this.#state.active });
  }

  get #total(): number {
    const { completed, failed, cached } = this.#state.tally.sums;
    return completed + failed + cached + this.#left;
  }

  #tick(now: number): void {
    const seconds = this.#isPaused || this.#workers === 0 ? 0 : Math.max(0, now - this.#at);
    this.#at = Math.max(now, this.#at);
    if (seconds === 0) return;
    const { active, capacity } = this.#state;
    // Workers without an item to run are no gap between items.
    const busy = Math.min(this.#workers, this.#left);
    this.#state = { ...this.#state, active: active + seconds, capacity: capacity + busy * seconds };
  }
}
