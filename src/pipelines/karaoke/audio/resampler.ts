/** Zero crossings of the filter at either side; more are sharper and slower. */
const CROSSINGS = 16;
/** What of the band is kept before the filter falls, as a part of half the lower rate. */
const KEPT = 0.94;

/**
 * Changes the rate of sound piece by piece: a polyphase filter of windowed sinc functions (Julius O. Smith, "Digital Audio Resampling").
 * The output is in time with the input; nothing is delayed.
 */
export class Resampler {
  readonly #up: number;
  readonly #down: number;
  /** Of the filter to one side, in samples of the input. */
  readonly #reach: number;
  readonly #filters: Map<number, Float64Array> = new Map();
  readonly #scale: number;
  /** What of the input is still needed, channel by channel; it begins with sample `#start`. */
  #kept: Float32Array[];
  #start: number;
  #produced = 0;

  constructor(fromRate: number, toRate: number, channels: number) {
    const divisor = gcd(fromRate, toRate);
    this.#up = toRate / divisor;
    this.#down = fromRate / divisor;
    this.#scale = Math.min(1, toRate / fromRate) * KEPT;
    this.#reach = Math.ceil(CROSSINGS / this.#scale);
    // Silence before the first sample.
    this.#kept = Array.from({ length: channels }, () => new Float32Array(this.#reach));
    this.#start = -this.#reach;
  }

  /** Takes a piece, all channels equally long; returns what is known by now. */
  push(channels: readonly Float32Array[]): Float32Array[] {
    if (this.#up === this.#down) return [...channels];
    this.#kept = this.#kept.map((kept, index) => {
      const added = channels[index] ?? new Float32Array(channels[0]?.length ?? 0);
      const joined = new Float32Array(kept.length + added.length);
      joined.set(kept);
      joined.set(added, kept.length);
      return joined;
    });
    return this.#produce();
  }

  /** The rest, as if silence followed. */
  end(): Float32Array[] {
    if (this.#up === this.#down) return this.#kept.map(() => new Float32Array());
    return this.push(this.#kept.map(() => new Float32Array(this.#reach + 1)));
  }

  #produce(): Float32Array[] {
    const length = this.#kept[0]?.length ?? 0;
    // Output sample n lies at n × down / up of the input; it needs all within reach.
    const last = Math.floor(((this.#start + length - 1 - this.#reach) * this.#up) / this.#down);
    const count = Math.max(0, last - this.#produced + 1);
    const made = this.#kept.map((kept) => this.#filter(kept, count));
    this.#produced += count;
    const first = Math.floor((this.#produced * this.#down) / this.#up) - this.#reach;
    const dropped = Math.min(length, Math.max(0, first - this.#start));
    this.#kept = this.#kept.map((kept) => kept.slice(dropped));
    this.#start += dropped;
    return made;
  }

  #filter(kept: Float32Array, count: number): Float32Array {
    const made = new Float32Array(count);
    for (let index = 0; index < count; index++) {
      const place = (this.#produced + index) * this.#down;
      const filter = this.#filterOf(place % this.#up);
      const from = Math.floor(place / this.#up) - this.#reach - this.#start;
      let sum = 0;
      for (let tap = 0; tap < filter.length; tap++) sum += (filter[tap] ?? 0) * (kept[from + tap] ?? 0);
      made[index] = sum;
    }
    return made;
  }

  /** The filter for outputs that lie `phase / up` of a sample behind one of the input. */
  #filterOf(phase: number): Float64Array {
    const known = this.#filters.get(phase);
    if (known !== undefined) return known;
    const filter = new Float64Array(2 * this.#reach + 1);
    let sum = 0;
    for (let tap = 0; tap < filter.length; tap++) {
      const distance = tap - this.#reach - phase / this.#up;
      const x = distance * this.#scale;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      const edge = Math.abs(distance) / (this.#reach + 1);
      const value = sinc * (0.42 + 0.5 * Math.cos(Math.PI * edge) + 0.08 * Math.cos(2 * Math.PI * edge));
      filter[tap] = value;
      sum += value;
    }
    // Each phase passes a constant unchanged.
    for (let tap = 0; tap < filter.length; tap++) filter[tap] = (filter[tap] ?? 0) / sum;
    this.#filters.set(phase, filter);
    return filter;
  }
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
