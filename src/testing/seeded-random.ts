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

  /** A stream of its own for one part of a run: what another part draws does not shift it. */
  static for(seed: number, part: string): SeededRandom {
    // FNV-1a (Fowler, Noll, Vo) over the part's name, begun at the seed; then mixed, as MurmurHash3 ends, because parts
    // whose names differ in one letter would else run through the same numbers a few steps apart.
    let hash = seed ^ 0x811c9dc5;
    for (let index = 0; index < part.length; index++) hash = Math.imul(hash ^ part.charCodeAt(index), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return new SeededRandom(hash ^ (hash >>> 16));
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

  /** A whole number from `first` to `last`, both included. */
  between(first: number, last: number): number {
    return first + this.whole(last - first + 1);
  }

  /** True with the given probability, 0 to 1. */
  isTrue(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the list; undefined if it is empty. */
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.whole(list.length)];
  }
}
