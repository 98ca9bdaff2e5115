import type { Cli } from "./cli.ts";
import { SIGNAL_STATUS, type StopSignal } from "./exit-status.ts";

/** The first signal asks to stop cleanly; the second ends the process at once. */
export class Interrupt implements Disposable {
  readonly #stop = new AbortController();
  readonly #off: () => void;
  #received: StopSignal | null = null;

  constructor(cli: Cli) {
    this.#off = cli.io.onSignal((signal) => {
      if (this.#received !== null) {
        cli.io.exit(SIGNAL_STATUS[signal]);
        return;
      }
      this.#received = signal;
      cli.status = SIGNAL_STATUS[signal];
      this.#stop.abort();
    });
  }

  /** Aborted by the first signal. The process's status is set by then. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isRaised(): boolean {
    return this.#received !== null;
  }

  /** Waits for `work`, or for the signal: then undefined, and whatever becomes of `work` is nobody's business any more. */
  async unlessRaised<T>(work: Promise<T>): Promise<T | undefined> {
    if (this.isRaised) return undefined;
    const raised = Promise.withResolvers<undefined>();
    const onAbort = (): void => raised.resolve(undefined);
    this.signal.addEventListener("abort", onAbort, { once: true });
    work.catch(() => {});
    try {
      return await Promise.race([work, raised.promise]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    this.#off();
  }
}
