/** The clock is counted in so many ticks of each limit, each at most once: a computer that slept has not worked. */
const TICKS = 10;
/** A step that works little may take so many times its limit by the clock: others have the processor, or the disk is slow. */
const CLOCK_FACTOR = 10;

/** What a step of a thread has used up: its limit of the thread's own processor time, or far more than that of the clock's. */
export type StepExcess = "processor" | "clock";

export interface StepWatchParts {
  /** The processor time that the thread has used so far; rejects or never resolves where it cannot say. */
  readonly cpuMs: () => Promise<number>;
  /** After so much processor time, or so long. */
  readonly onExcess: (excess: StepExcess, ms: number) => void;
}

/**
 * Watches that no step of a thread works for longer than its limit. What counts is the processor time of the thread, so that a busy machine fails
 * no sound document; the clock is the last resort, against a step that hangs. What a step works before the first tick is not counted: nearly all
 * steps are over by then, and cost nothing.
 */
export class StepWatch {
  readonly #parts: StepWatchParts;
  #limitMs = 0;
  #ticker: NodeJS.Timeout | undefined;

  constructor(parts: StepWatchParts) {
    this.#parts = parts;
  }

  /** A step begins; the one before is over. Default: with the same limit. */
  begin(limitMs = this.#limitMs): void {
    this.end();
    this.#limitMs = limitMs;
    let left = TICKS * CLOCK_FACTOR;
    let atFirst: number | null = null;
    let isAsking = false;
    const ticker = setInterval(async () => {
      left--;
      if (left <= 0) return this.#exceed("clock", limitMs * CLOCK_FACTOR);
      if (isAsking) return;
      isAsking = true;
      const cpuMs = await this.#parts.cpuMs().catch(() => null);
      isAsking = false;
      if (cpuMs === null || ticker !== this.#ticker) return;
      atFirst ??= cpuMs;
      if (cpuMs - atFirst >= limitMs) this.#exceed("processor", limitMs);
    }, limitMs / TICKS);
    this.#ticker = ticker;
  }

  end(): void {
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  #exceed(excess: StepExcess, ms: number): void {
    this.end();
    this.#parts.onExcess(excess, ms);
  }
}
