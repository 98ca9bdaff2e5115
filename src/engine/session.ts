import { MilepostError } from "../core/errors.ts";
import type { Deps } from "./deps.ts";
import { LeaseKeeper } from "./lease-keeper.ts";

/**
 * A worker's membership: one row in the store, kept alive by a heartbeat. When the store has given it up (the machine slept,
 * the process was stopped), `onLost` is called, at once and again when a new one stands.
 */
export class Session {
  /** Null between the loss of a session and the opening of the next. */
  number: number | null = null;
  /** Revision of orders that this session has acted on. */
  confirmed = -1;
  /** Until when, on the monotonic clock, nobody can have taken the session for dead: as far as is known here. */
  #certainUntil = 0;
  onLost: () => void = () => {};
  /** Called when no new session can be opened, for good. */
  onFailed: (error: unknown) => void = () => {};
  readonly #spec: SessionOptions;
  #keeper: LeaseKeeper | null = null;
  #reopening: Promise<void> | null = null;
  #isClosed = false;

  private constructor(spec: SessionOptions) {
    this.#spec = spec;
  }

  static async open(spec: SessionOptions): Promise<Session> {
    const session = new Session(spec);
    await session.#open();
    return session;
  }

  /**
   * False after a sleep or a long silence of the store: the items may be others' by now, or orders may stand that need not
   * wait for this worker any more. Then nothing may be started before the orders were read again.
   */
  get isCertain(): boolean {
    return this.#spec.deps.clock.monotonic() < this.#certainUntil;
  }

  /** Notes that the lease was found to last until then. */
  foundAlive(until: number): void {
    this.#certainUntil = until;
  }

  /** True once it was told to leave: no new one will stand. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Gives back what is still held and leaves. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#reopening;
    await this.#keeper?.stop();
    const { number } = this;
    this.number = null;
    if (number === null) return;
    try {
      await this.#spec.deps.store.closeSession(number, this.#spec.deps.clock.now());
    } catch (error) {
      // It lapses by itself: nobody beats for it any more.
      this.#spec.deps.logger.warn("a session could not be closed and will lapse", { error: String(error) });
    }
  }

  async #open(): Promise<void> {
    const { deps, concurrency, leaseMs, queues, batch, pipelines } = this.#spec;
    const { self } = deps.host;
    // The host's identity begins with its name; the rest tells boots and namespaces apart.
    const name = `${self.host.split("/", 1)[0]}:${self.pid}`;
    const askedAt = deps.clock.monotonic();
    const spec = { ...self, name, queues, batch, pipelines, concurrency, leaseMs, now: deps.clock.now() };
    const number = await deps.store.openSession(spec);
    this.confirmed = -1;
    this.#certainUntil = askedAt + leaseMs;
    this.number = number;
    const onLost = (): void => {
      this.#reopening = this.#reopen();
    };
    this.#keeper = new LeaseKeeper({ deps, worker: number, leaseMs, endsAt: this.#certainUntil, onLost });
  }

  async #reopen(): Promise<void> {
    const { deps } = this.#spec;
    this.number = null;
    this.onLost();
    deps.logger.warn("the session was taken for dead; its items are given up and a new session is opened");
    await this.#keeper?.stop();
    for (let delayMs = 100; !this.#isClosed; delayMs = Math.min(5_000, delayMs * 2)) {
      try {
        await this.#open();
        return this.onLost();
      } catch (error) {
        if (!(error instanceof MilepostError && error.retryable)) return this.onFailed(error);
        await new Promise<void>((resolve) => deps.clock.after(delayMs, resolve));
      }
    }
  }
}

export interface SessionOptions {
  readonly deps: Deps;
  /** Handlers it runs at once; 0 for a session that only tracks. */
  readonly concurrency: number;
  readonly leaseMs: number;
  /** Empty for all. */
  readonly queues: readonly string[];
  /** Null for all. */
  readonly batch: number | null;
  readonly pipelines: readonly string[] | null;
}
