import { ApiError, type Client, type OverviewUpdate } from "../../../src/client/client.ts";
import type { ConnectionState } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import { Observable, type Schedule } from "./observable.ts";

const EVERY_MS = 1_000;

export interface LiveReaderOptions {
  readonly client: Pick<Client, "watchMany">;
  readonly schedule: Schedule;
  readonly onConnection: (state: ConnectionState) => void;
}

/**
 * What is read as a whole, and again when the stream about all batches that run tells of changes: at most once a second, and
 * one reading at a time.
 */
export abstract class LiveReader extends Observable {
  readonly #options: LiveReaderOptions;
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> | null = null;
  #isWanted = false;
  #isFollowing = false;
  #isLoaded = false;
  #problem: ShownProblem | null = null;

  constructor(options: LiveReaderOptions) {
    super(options.schedule);
    this.#options = options;
  }

  /** False until it was read once. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Why it could not be read; null: it could. */
  get problem(): ShownProblem | null {
    return this.#problem;
  }

  /** Reads, and follows what runs until `stop`. Again: after the caller has got a session, or the stream had ended. */
  start(): void {
    void this.reread();
    if (!this.#isFollowing) void this.#follow();
  }

  stop(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
  }

  /** Reads now, or once more when what is being read is there. */
  reread(): Promise<void> {
    this.#isWanted = true;
    this.#reading ??= this.#readWanted().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Reads what there is to show. */
  protected abstract read(): Promise<void>;

  /** What the stream told, before it is read again. */
  protected heard(_update: OverviewUpdate): void {}

  /** After a break: anything may have changed. */
  protected forget(): void {}

  async #readWanted(): Promise<void> {
    while (this.#isWanted && !this.#stop.signal.aborted) {
      this.#isWanted = false;
      try {
        await this.read();
        this.#isLoaded = true;
        this.#problem = null;
      } catch (error) {
        this.#problem = showProblem(error);
      }
      this.changed();
    }
  }

  #readSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.reread();
    }, EVERY_MS);
  }

  async #follow(): Promise<void> {
    const { client, onConnection } = this.#options;
    const { signal } = this.#stop;
    this.#isFollowing = true;
    let isBroken = false;
    const onState = (state: ConnectionState): void => {
      onConnection(state);
      if (state === "waiting") isBroken = true;
      if (state !== "live" || !isBroken) return;
      isBroken = false;
      this.forget();
      void this.reread();
    };
    try {
      for await (const update of client.watchMany("all", { signal, onState })) {
        this.heard(update);
        this.#readSoon();
      }
    } catch (error) {
      // Who has sent nothing in yet has nothing to hear of.
      onConnection("idle");
      if (!(error instanceof ApiError && error.status === 401)) this.#problem = showProblem(error);
      this.changed();
    } finally {
      this.#isFollowing = false;
    }
  }
}
