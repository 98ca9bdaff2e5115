import type { Store } from "../../src/ports/store.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { Journal } from "./journal.ts";
import { RunLedger } from "./run-ledger.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { StoreChecks } from "./store-checks.ts";
import { drawWeather, type Weather } from "./weather.ts";

/** The invariant that a history broke, and how. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
}

/** The store of a history, and how to go on with it. */
export interface StoreParts {
  readonly store: Store;
  /** Opens what is left of the store when all processes were killed. `isReboot`: the monotonic clock begins anew. */
  readonly reopen: (how: { readonly isReboot: boolean }) => Promise<Store>;
  /** Lets everything run that waits for no timer. */
  readonly settle: () => Promise<void>;
}

/**
 * One simulated machine room: a clock, a seed, one store, the processes that share it, and those who watch over what they do.
 *
 * Everything that happens is a timer of the one clock, and the next timer runs only when all promises have settled, so that
 * one seed is one history.
 */
export class World {
  readonly seed: number;
  readonly clock: ManualClock;
  readonly journal = new Journal();
  readonly #parts: StoreParts;
  #store: Store;
  readonly weather: Weather;
  readonly checks: StoreChecks;
  readonly ledger: RunLedger;
  readonly processes: SimulatedProcess[] = [];
  /** Tells every process, late or twice or not at all, that something was committed. */
  readonly listeners = new Set<() => void>();
  /** Until this time of the monotonic clock no call reaches the store. */
  outageUntilMs = 0;
  /** True when faults are over: calls are carried out and answered. */
  isCalm = false;
  violation: Violation | null = null;
  /** How often everything was restarted. */
  restarts = 0;

  constructor(facts: StoreParts & { readonly seed: number; readonly clock: ManualClock }) {
    this.seed = facts.seed;
    this.clock = facts.clock;
    this.#parts = facts;
    this.#store = facts.store;
    this.weather = drawWeather(this.random("weather"));
    this.checks = new StoreChecks(this);
    this.ledger = new RunLedger(this);
  }

  get store(): Store {
    return this.#store;
  }

  /** Everything dies at once, and the store comes back with what was committed. */
  async restart(isReboot: boolean): Promise<void> {
    this.note(isReboot ? "the machine reboots" : "everything is killed");
    this.restarts += 1;
    for (const process of this.processes) process.crash();
    await this.checks.restart(async () => {
      this.#store = await this.#parts.reopen({ isReboot });
    });
  }

  /** Chance of its own for one part of the history. */
  random(part: string): SeededRandom {
    return SeededRandom.for(this.seed, part);
  }

  /** Notes what happened, with the time at which it did. */
  note(what: string, isTold = true): void {
    this.journal.note(`${this.clock.monotonic().toFixed(1).padStart(9)} ${what}`, isTold);
  }

  /** Reports a broken invariant; the first one ends the history. */
  break(invariant: string, detail: string): void {
    if (this.violation !== null) return;
    this.violation = { invariant, detail };
    this.note(`BROKEN ${invariant}: ${detail}`);
  }

  /** Runs the history on until `isReached`, at most for `mostMs`. True if it was reached. */
  async advance(mostMs: number, isReached: () => boolean = () => false): Promise<boolean> {
    const endMs = this.clock.monotonic() + mostMs;
    await this.#parts.settle();
    while (this.violation === null && this.clock.monotonic() < endMs) {
      if (isReached()) return true;
      if (!this.clock.step()) return isReached();
      await this.#parts.settle();
    }
    return isReached();
  }
}
