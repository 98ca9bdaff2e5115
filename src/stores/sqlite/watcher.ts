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
/** Who has found all that was asked for this long has plenty, and looks when its workers read their orders; by itself only once as long has passed. */
const PLENTY_AFTER_MS = 200;

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
  /** Since when every claim of this process has found all that it asked for. */
  #plentySince = Number.POSITIVE_INFINITY;
  #ordersAt = Number.NEGATIVE_INFINITY;

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

  /** Hears of each claim of this process whether it found all that it asked for. */
  claimed(isAll: boolean): void {
    const hadPlenty = this.#hasPlenty;
    if (!isAll) this.#plentySince = Number.POSITIVE_INFINITY;
    else this.#plentySince = Math.min(this.#plentySince, this.#connection.clock.monotonic());
    // What others submit is waited for again.
    if (hadPlenty && !isAll && this.#timer !== null) this.#schedule();
  }

  /** To be called by who reads orders. Looks at the file too if the next look is a long way off: the process is awake anyway. */
  lookAlong(): void {
    this.#ordersAt = this.#connection.clock.monotonic();
    if (this.#hasPlenty && this.#timer !== null) this.#look();
  }

  close(): void {
    this.#listeners.clear();
    this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  get #hasPlenty(): boolean {
    const now = this.#connection.clock.monotonic();
    // A worker that has stopped reads no orders, and claims no more.
    return now - this.#plentySince >= PLENTY_AFTER_MS && now - this.#ordersAt < PLENTY_AFTER_MS;
  }

  #schedule(): void {
    this.#timer?.cancel();
    this.#timer = this.#connection.clock.after(this.#pollMs(), () => {
      this.#look();
      this.#schedule();
    });
  }

  #pollMs(): number {
    if (this.#hasPlenty) return PLENTY_AFTER_MS;
    const now = this.#connection.clock.monotonic();
    return now - this.#changedAt < BUSY_FOR_MS && now - this.#ownAt > OWN_WORK_MS ? BUSY_POLL_MS : IDLE_POLL_MS;
  }

  #look(): void {
    const version = this.#readVersion();
    // No commit ever comes to a file that is gone; who listens must look, to hear of it.
    if (version !== this.#seen || this.#connection.loss !== null) {
      this.#seen = version;
      this.#notify(true);
    }
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
