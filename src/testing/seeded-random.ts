import type { Random } from "../ports/random.ts";

/**
 * Chance that can be repeated: the same seed gives the same run. The generator is mulberry32 (Tommy Ettinger, public
 * domain): 32 bits of state, good enough for tests and for nothing else.
 */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.whole(256));
  }

  /** A whole number from 0 up to, not including, `end`. */
  whole(end: number): number {
    return Math.floor(this.fraction() * end);
  }
}
