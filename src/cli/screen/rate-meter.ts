const WINDOW_MS = 20_000;
const SAMPLES_MAX = 200;

/** Items per second over the last 20 seconds, from counts and times that are handed in. Milliseconds of a steady clock. */
export class RateMeter {
  #samples: { readonly timeMs: number; readonly count: number }[] = [];

  add(count: number, timeMs: number): void {
    const last = this.#samples.at(-1);
    // Fewer processed than before: items were added again by a retry, and the old samples mean nothing.
    if (last !== undefined && count < last.count) this.#samples = [];
    this.#samples.push({ timeMs, count });
    while (this.#samples.length > SAMPLES_MAX || timeMs - (this.#samples[1]?.timeMs ?? timeMs) > WINDOW_MS) {
      this.#samples.shift();
    }
  }

  /** Null until half a second has been seen. */
  perSecond(nowMs: number): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || nowMs - first.timeMs < 500) return null;
    return ((last.count - first.count) * 1_000) / (nowMs - first.timeMs);
  }
}
