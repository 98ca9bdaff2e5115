/** What a chart shows of a moment. Null: not known then. */
export interface Sample {
  readonly timeMs: number;
  readonly perSecond: number | null;
  /** Seconds that were left. */
  readonly low: number | null;
  readonly median: number | null;
  readonly high: number | null;
}

const EVERY_MS = 1_000;
const SAMPLES_MAX = 1_200;

/**
 * What was seen of a batch while the page was open, a sample a second. When there are too many, every other one is dropped and
 * from then on they come half as often: the whole time stays, more coarsely.
 */
export class Samples {
  #samples: Sample[] = [];
  #everyMs = EVERY_MS;

  get all(): readonly Sample[] {
    return this.#samples;
  }

  /** True if it was kept. */
  add(sample: Sample): boolean {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.timeMs - last.timeMs < this.#everyMs) return false;
    this.#samples.push(sample);
    if (this.#samples.length <= SAMPLES_MAX) return true;
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
    this.#everyMs *= 2;
    return true;
  }
}

/** Columns as a chart takes them; times in seconds. */
export function columnsOf(samples: readonly Sample[]): {
  readonly times: number[];
  readonly rates: (number | null)[];
  readonly lows: (number | null)[];
  readonly medians: (number | null)[];
  readonly highs: (number | null)[];
} {
  return {
    times: samples.map(({ timeMs }) => timeMs / 1_000),
    rates: samples.map(({ perSecond }) => perSecond),
    lows: samples.map(({ low }) => low),
    medians: samples.map(({ median }) => median),
    highs: samples.map(({ high }) => high),
  };
}
