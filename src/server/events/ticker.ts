import type { Milepost } from "../../engine/milepost.ts";

/**
 * Runs a task after commits, at most once in `everyMs`, and without any after `idleMs`; never twice at once. The first commit
 * after a quiet time is looked at without delay.
 */
export class Ticker {
  readonly #options: {
    readonly everyMs: number;
    readonly idleMs: number;
    readonly task: () => Promise<void>;
    readonly onError: (error: unknown) => void;
  };
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | null = null;
  #isHinted = false;
  #isRunning = false;
  #isStopped = false;
  #earliest = 0;

  constructor(
    milepost: Milepost,
    options: {
      readonly everyMs: number;
      readonly idleMs: number;
      readonly task: () => Promise<void>;
      readonly onError: (error: unknown) => void;
    },
  ) {
    this.#options = options;
    this.#unsubscribe = milepost.subscribe(() => this.hint());
    this.#schedule();
  }

  /** There may be something to see. */
  hint(): void {
    if (this.#isHinted) return;
    this.#isHinted = true;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#unsubscribe();
  }

  #schedule(): void {
    if (this.#isRunning || this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const delayMs = this.#isHinted ? this.#earliest - performance.now() : this.#options.idleMs;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, delayMs));
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#isHinted = false;
    this.#earliest = performance.now() + this.#options.everyMs;
    try {
      await this.#options.task();
    } catch (error) {
      // Looked at again after the idle time: a store that is out of reach is not asked at every hint.
      this.#earliest = performance.now() + this.#options.idleMs;
      this.#isHinted = true;
      this.#options.onError(error);
    }
    this.#isRunning = false;
    this.#schedule();
  }
}
