import type { Milepost } from "../engine/milepost.ts";
import { Refusal } from "./problems.ts";

/** What waits is added up at most so often, however many ask: where much waits, that is no small read. */
const LOOK_EVERY_MS = 1_000;
const RETRY_AFTER_S = 60;

/** Refuses sessions more work while too much of anybody's waits already. */
export class Backlog {
  readonly #milepost: Milepost;
  readonly #most: number;
  #waiting: Promise<number> = Promise.resolve(0);
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(milepost: Milepost, { waitingItems }: { readonly waitingItems: number }) {
    this.#milepost = milepost;
    this.#most = waitingItems;
  }

  /** @throws {Refusal} `rate-limited` */
  async requireRoom(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#lookedAt = now;
      this.#waiting = this.#look();
    }
    if ((await this.#waiting) < this.#most) return;
    throw new Refusal("rate-limited", "too many items wait here already; send more later", undefined, RETRY_AFTER_S);
  }

  async #look(): Promise<number> {
    return (await this.#milepost.queues()).reduce((sum, { pending }) => sum + pending, 0);
  }
}
