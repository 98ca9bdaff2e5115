import type { Timer } from "../ports/clock.ts";
import type { Deps } from "./deps.ts";

/** After failures a duty waits longer and longer, up to this. */
const BACKOFF_MAX_MS = 2_000;

/**
 * The one primitive under every repeated duty: runs `task` every `everyMs`, never twice at once, and goes on after any
 * error. `stop` waits for a run that is under way.
 */
export class Loop {
  readonly #deps: Deps;
  readonly #everyMs: number;
  readonly #task: () => Promise<void>;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #failures = 0;
  #isStopped = false;

  constructor(options: { readonly deps: Deps; readonly everyMs: number; readonly task: () => Promise<void> }) {
    this.#deps = options.deps;
    this.#everyMs = options.everyMs;
    this.#task = options.task;
    this.#next(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#deps.clock.after(delayMs, () => {
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      await this.#task();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      this.#deps.logger.warn("a repeated duty failed and will be tried again", { error: String(error) });
    }
    this.#running = null;
    this.#next(Math.max(this.#everyMs, Math.min(BACKOFF_MAX_MS, this.#everyMs * 2 ** Math.min(this.#failures, 10))));
  }
}
