/** Reading takes one part in so many of the time at most. */
const REST_SHARE = 10;

/**
 * What is read again after hints: one reading at a time, with a pause between two that the most urgent hint decides. A hint
 * that comes while something is read is followed too.
 */
export class PacedRead {
  /** Never rejects. */
  readonly #read: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The shortest pause that was asked for; null: nothing is wanted. */
  #wantedMs: number | null = null;
  #isReading = false;
  #isStopped = false;
  #endedAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /** Reads once the last reading is so many milliseconds ago: at once, if it is. */
  hint(pauseMs: number): void {
    if (this.#isStopped) return;
    this.#wantedMs = Math.min(this.#wantedMs ?? pauseMs, pauseMs);
    if (this.#isReading) return;
    const dueAt = this.#endedAt + Math.max(this.#wantedMs, this.#tookMs * REST_SHARE);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, dueAt - performance.now()));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    this.#wantedMs = null;
    this.#isReading = true;
    const begun = performance.now();
    await this.#read();
    this.#endedAt = performance.now();
    this.#tookMs = this.#endedAt - begun;
    this.#isReading = false;
    if (this.#wantedMs !== null) this.hint(this.#wantedMs);
  }
}
