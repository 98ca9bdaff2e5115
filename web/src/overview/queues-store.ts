import { ApiError, type Client } from "../../../src/client/client.ts";
import type { WireQueue } from "../../../src/wire/queue.ts";
import { Observable, type Schedule } from "../live/observable.ts";

const EVERY_MS = 1_000;
/** A queue may be paused from elsewhere without any batch telling of it. */
const IDLE_MS = 15_000;

/** The queues of the server: read again after batches changed, at most once a second. The operator's alone. */
export class QueuesStore extends Observable {
  readonly #client: Pick<Client, "queues">;
  #queues: readonly WireQueue[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: { readonly client: Pick<Client, "queues">; readonly schedule: Schedule }) {
    super(options.schedule);
    this.#client = options.client;
  }

  get queues(): readonly WireQueue[] {
    return this.#queues;
  }

  start(): void {
    void this.#read();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Something may be new. */
  readonly hint = (): void => this.#readIn(Math.max(0, this.#readAt + EVERY_MS - performance.now()));

  take(queue: WireQueue): void {
    this.#queues = this.#queues.map((known) => (known.name === queue.name ? queue : known));
    this.changed();
  }

  #readIn(delayMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#read(), delayMs);
  }

  async #read(): Promise<void> {
    this.#readAt = performance.now();
    try {
      this.#queues = (await this.#client.queues()).queues;
      this.changed();
    } catch (error) {
      // Why nothing can be read is told where batches are; what is known stays.
      if (error instanceof ApiError && error.status === 401) return;
    }
    this.#readIn(IDLE_MS);
  }
}
