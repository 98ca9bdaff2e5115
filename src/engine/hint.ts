import type { Deps } from "./deps.ts";

/** Remembers whether the store hinted at a change since it was last cleared. */
export class Hint {
  readonly #deps: Deps;
  readonly #unsubscribe: () => void;
  #isSet = false;
  #isEndSet = false;
  #wake: () => void = () => {};

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.subscribe((mayHaveEnded) => {
      this.#isSet = true;
      this.#isEndSet ||= mayHaveEnded;
      this.#wake();
    });
  }

  /** Forgets what was hinted so far. To be called before each look, so that no commit falls between the two. */
  clear(): void {
    this.#isSet = false;
    this.#isEndSet = false;
  }

  /** Waits for any hint. */
  wait(mostMs: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#waitUntil(() => this.#isSet, mostMs, signal);
  }

  /** Waits for the hint that a batch may have ended. */
  waitForEnd(mostMs: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#waitUntil(() => this.#isEndSet, mostMs, signal);
  }

  async #waitUntil(isOver: () => boolean, mostMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (isOver() || mostMs <= 0 || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      const timer = this.#deps.clock.after(mostMs, resolve);
      this.#wake = () => {
        if (isOver() || signal?.aborted) end();
      };
      signal?.addEventListener("abort", this.#wake, { once: true });
    });
    signal?.removeEventListener("abort", this.#wake);
    this.#wake = () => {};
  }

  close(): void {
    this.#unsubscribe();
  }
}

/** Resolves after that time, or when `signal` aborts. */
export function pause(deps: Deps, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const timer = deps.clock.after(delayMs, wake);
    signal?.addEventListener("abort", wake, { once: true });
  });
}
