import { toItemError } from "../core/item-error.ts";
import { escapeText } from "../format/escape.ts";
import type { Timer } from "../ports/clock.ts";
import type { Cli } from "./cli.ts";
import { EXIT, SIGNAL_STATUS } from "./exit-status.ts";

/** After an error that nobody caught, what can still be given back must be by then, in milliseconds. */
const CRASH_GRACE_MS = 15_000;

/**
 * The first signal asks to stop cleanly; the second ends the process at once. An error that nobody caught is one too: it is
 * said, nothing more is started, what runs is given back, and the process ends with a status that is not 0.
 */
export class Interrupt implements Disposable {
  readonly #stop = new AbortController();
  readonly #off: () => void;
  #crashTimer: Timer | null = null;
  #isRaised = false;

  constructor(cli: Cli) {
    this.#off = cli.io.onSignal((cause) => {
      const status = typeof cause === "string" ? SIGNAL_STATUS[cause] : EXIT.WORK_FAILED;
      if (typeof cause !== "string") noteCrash(cli, cause.error);
      if (this.#isRaised) {
        cli.io.exit(status);
        return;
      }
      this.#isRaised = true;
      cli.status = status;
      if (typeof cause !== "string") this.#crashTimer = cli.io.clock.after(CRASH_GRACE_MS, () => cli.io.exit(status));
      this.#stop.abort();
    });
  }

  /** Aborted by the first signal. The process's status is set by then. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get isRaised(): boolean {
    return this.#isRaised;
  }

  /** Waits for `work`, or for the signal: then undefined, and whatever becomes of `work` is nobody's business any more. */
  async unlessRaised<T>(work: Promise<T>): Promise<T | undefined> {
    work.catch(() => {});
    if (this.isRaised) return undefined;
    const raised = Promise.withResolvers<undefined>();
    const onAbort = (): void => raised.resolve(undefined);
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([work, raised.promise]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    this.#crashTimer?.cancel();
    this.#off();
  }
}

function noteCrash(cli: Cli, error: unknown): void {
  const { name, message } = toItemError(error);
  const text = `an error that nobody caught ends the work: ${name}: ${message}; set MILEPOST_DEBUG=1 to see where`;
  cli.note(escapeText(`milepost: ${text}`));
  if (cli.io.env.MILEPOST_DEBUG && error instanceof Error) cli.note(error.stack ?? "");
}
