const WINDOW_MS = 20_000;
const SAMPLES_MAX = 100;
const EVERY_MS = 250;

interface Sample {
  readonly timeMs: number;
  readonly count: number;
}

/** Items a second over the last 20 seconds, of counts as they come. Times in milliseconds of one clock. */
export class RateMeter {
  #samples: Sample[] = [];

  add(count: number, timeMs: number): void {
    const last = this.#samples.at(-1);
    // Fewer than before: items were tried again, and what was measured means nothing any more.
    if (last !== undefined && count < last.count) this.#samples = [];
    const before = this.#samples.at(-2);
    // The last sample moves until it is old enough to stay.
    if (before !== undefined && last !== undefined && last.timeMs - before.timeMs < EVERY_MS) this.#samples.pop();
    this.#samples.push({ timeMs, count });
    while (this.#samples.length > SAMPLES_MAX || timeMs - (this.#samples[1]?.timeMs ?? timeMs) > WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Null until a second has been seen. */
  perSecond(nowMs: number): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || nowMs - first.timeMs < 1_000) return null;
    return ((last.count - first.count) * 1_000) / (nowMs - first.timeMs);
  }
}
