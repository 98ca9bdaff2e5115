import type { Timer } from "../../ports/clock.ts";
import type { Connection } from "./connection.ts";

/**
 * How often other processes' commits are looked for: often while something happens, seldom when all is quiet. Each look wakes
 * the event loop, which costs more than the look.
 */
const BUSY_POLL_MS = 5;
const IDLE_POLL_MS = 25;
const BUSY_FOR_MS = 60_000;
/** Who made a commit of its own so short a while ago has work at hand, and looks at the file by itself. */
const OWN_WORK_MS = 50;

/**
 * Tells listeners of commits: of this connection at once (many in one turn are told once), of others by polling
 * `PRAGMA data_version`, which costs microseconds. It polls only while somebody listens.
 */
export class Watcher {
  readonly #connection: Connection;
  readonly #dataVersion: () => number;
  readonly #listeners = new Map<symbol, (mayHaveEnded: boolean) => void>();
  #timer: Timer | null = null;
  #isNotifying = false;
  #mayHaveEnded = false;
  #seen = 0;
  #changedAt = Number.NEGATIVE_INFINITY;
  #ownAt = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection) {
    this.#connection = connection;
    const query = connection.query<[number]>("PRAGMA data_version");
    this.#dataVersion = () => query.get()?.[0] ?? 0;
    connection.onCommit = (mayHaveEnded) => {
      this.#ownAt = connection.clock.monotonic();
      this.#notify(mayHaveEnded);
    };
  }

  subscribe(listener: (mayHaveEnded: boolean) => void): () => void {
    const id = Symbol();
    this.#listeners.set(id, listener);
    if (this.#timer === null) {
      this.#seen = this.#readVersion();
      this.#schedule();
    }
    return () => {
      this.#listeners.delete(id);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    const { clock } = this.#connection;
    const now = clock.monotonic();
    const isBusy = now - this.#changedAt < BUSY_FOR_MS && now - this.#ownAt > OWN_WORK_MS;
    this.#timer = clock.after(isBusy ? BUSY_POLL_MS : IDLE_POLL_MS, () => this.#poll());
  }

  #poll(): void {
    if (this.#listeners.size === 0) return;
    const version = this.#readVersion();
    // No commit ever comes to a file that is gone; who listens must look, to hear of it.
    if (version !== this.#seen || this.#connection.loss !== null) {
      this.#seen = version;
      this.#notify(true);
    }
    this.#schedule();
  }

  /** A busy file is looked at again with the next poll. */
  #readVersion(): number {
    try {
      return this.#dataVersion();
    } catch {
      return this.#seen;
    }
  }

  #notify(mayHaveEnded: boolean): void {
    this.#changedAt = this.#connection.clock.monotonic();
    this.#mayHaveEnded ||= mayHaveEnded;
    if (this.#isNotifying || this.#listeners.size === 0) return;
    this.#isNotifying = true;
    queueMicrotask(() => {
      const told = this.#mayHaveEnded;
      this.#isNotifying = false;
      this.#mayHaveEnded = false;
      for (const listener of [...this.#listeners.values()]) listener(told);
    });
  }
}
