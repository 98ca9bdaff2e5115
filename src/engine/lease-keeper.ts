import type { Timer } from "../ports/clock.ts";
import type { Pulse } from "../ports/pulse.ts";
import type { Deps } from "./deps.ts";

/** Beats in a third of a lease: two may be late or lost before anybody takes the worker for dead. */
const BEATS_PER_LEASE = 3;

/** Keeps one worker session alive until stopped, from the store's own thread where it has one. */
export class LeaseKeeper {
  readonly #deps: Deps;
  readonly #worker: number;
  readonly #everyMs: number;
  readonly #onLost: () => void;
  #pulse: Pulse | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(options: {
    readonly deps: Deps;
    readonly worker: number;
    readonly leaseMs: number;
    /** On the monotonic clock: as long as it surely lasts unrenewed. */
    readonly endsAt: number;
    readonly onLost: () => void;
  }) {
    this.#deps = options.deps;
    this.#worker = options.worker;
    this.#everyMs = Math.floor(options.leaseMs / BEATS_PER_LEASE);
    this.#onLost = options.onLost;
    const { store } = this.#deps;
    const lease = { everyMs: this.#everyMs, leftMs: options.endsAt - this.#deps.clock.monotonic() };
    if (store.pulse) this.#pulse = store.pulse(this.#worker, lease, () => this.#lost());
    else this.#next();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#pulse?.stop();
  }

  #next(): void {
    if (this.#isStopped) return;
    this.#timer = this.#deps.clock.after(this.#everyMs, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    try {
      if (!(await this.#deps.store.beat(this.#worker))) return this.#lost();
    } catch (error) {
      this.#deps.logger.warn("a heartbeat could not be written; the next one may", { error: String(error) });
    }
    this.#next();
  }

  #lost(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#onLost();
  }
}
