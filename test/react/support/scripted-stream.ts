import type { StreamOptions, StreamState } from "../../../src/client/client.ts";

/** A stream whose updates come from a test. */
export class ScriptedStream<Update> {
  readonly #options: StreamOptions;
  #left: (() => Promise<Update | null>)[] = [];
  #wake: () => void = () => {};

  constructor(options: StreamOptions) {
    this.#options = options;
    options.signal?.addEventListener("abort", () => this.#wake(), { once: true });
  }

  get isOpen(): boolean {
    return this.#options.signal?.aborted === false;
  }

  /** Tells what the connection does. */
  connection(state: StreamState): void {
    this.#options.onState?.(state);
  }

  tell(update: Update): Promise<void> {
    return this.#add(() => Promise.resolve(update));
  }

  end(): Promise<void> {
    return this.#add(() => Promise.resolve(null));
  }

  fail(error: unknown): Promise<void> {
    return this.#add(() => Promise.reject(error));
  }

  async *updates(): AsyncGenerator<Update, void, undefined> {
    while (this.isOpen) {
      const next = this.#left.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const update = await next();
      if (update === null) return;
      yield update;
    }
  }

  #add(next: () => Promise<Update | null>): Promise<void> {
    this.#left.push(next);
    this.#wake();
    return turn();
  }
}

/** Everything that waits for nothing but its turn has had it. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
