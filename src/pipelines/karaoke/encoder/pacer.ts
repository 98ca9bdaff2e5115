import { setTimeout as sleep } from "node:timers/promises";

/** Less than this is not worth a timer, in milliseconds. */
const LEAST_MS = 2;
/** Time that was not used is not saved up for longer than this. */
const WINDOW_MS = 1_000;

/**
 * Holds work back so that the process uses no more than the time of some processors, on average over a second. It is for work whose threads
 * cannot be chosen; time of the same process that is spent elsewhere counts too.
 */
export class Pacer {
  readonly #threads: number;
  readonly #now: () => number;
  readonly #usedMs: () => number;
  #startMs: number;
  #startUsedMs: number;

  constructor(
    threads: number,
    { now = () => performance.now(), usedMs = processorMs }: { now?: () => number; usedMs?: () => number } = {},
  ) {
    this.#threads = threads;
    this.#now = now;
    this.#usedMs = usedMs;
    this.#startMs = now();
    this.#startUsedMs = usedMs();
  }

  /** How long to wait before more is done. */
  get debtMs(): number {
    const owedMs = (this.#usedMs() - this.#startUsedMs) / this.#threads - (this.#now() - this.#startMs);
    if (owedMs < -WINDOW_MS) {
      this.#startMs = this.#now();
      this.#startUsedMs = this.#usedMs();
    }
    return Math.max(0, owedMs);
  }

  async pace(): Promise<void> {
    const debtMs = this.debtMs;
    if (debtMs >= LEAST_MS) await sleep(debtMs);
  }
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
