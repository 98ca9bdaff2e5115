import { wordsOf } from "../text/words.ts";
import { toUnitLength } from "./embedder.ts";

export const TEXT_DIMENSIONS = 512;

/** What a word, a pair of neighbours and three letters in a row count against each other. Letters find inflected forms. */
const WEIGHTS = { word: 1, pair: 0.5, letters: 0.35 } as const;
const LETTERS = 3;

/**
 * A text as a vector, by signed feature hashing: each feature (words, pairs of neighbouring words, letter trigrams inside words)
 * adds its weight to one dimension, with a sign, both taken from its hash, so that collisions cancel out on average
 * (Weinberger, Dasgupta, Langford, Smola, Attenberg: Feature Hashing for Large Scale Multitask Learning, ICML 2009).
 * A feature that comes n times weighs 1 + ln n (sublinear term frequency: Manning, Raghavan, Schütze: Introduction to
 * Information Retrieval, 2008, section 6.4.1). It needs no model and no training, and knows likeness of words, not of meaning.
 */
export function hashText(text: string): Float32Array {
  const counts = new Map<number, number>();
  const kinds = new Map<number, number>();
  const add = (hash: number, weight: number): void => {
    const count = counts.get(hash);
    counts.set(hash, (count ?? 0) + 1);
    if (count === undefined) kinds.set(hash, weight);
  };
  let previous: number | null = null;
  for (const { form, isPiece } of wordsOf(text)) {
    const word = hashOf(form, WORD_SEED);
    add(word, WEIGHTS.word);
    if (previous !== null) add(mixed(Math.imul(previous, 31) ^ word), WEIGHTS.pair);
    previous = word;
    if (isPiece) continue;
    const padded = `<${form}>`;
    for (let at = 0; at + LETTERS <= padded.length; at++)
      add(hashOf(padded, LETTERS_SEED, at, LETTERS), WEIGHTS.letters);
  }
  const vector = new Float32Array(TEXT_DIMENSIONS);
  for (const [hash, count] of counts) {
    const index = hash % TEXT_DIMENSIONS;
    const sign = hash & 0x40000000 ? 1 : -1;
    vector[index] = (vector[index] ?? 0) + sign * (kinds.get(hash) ?? 0) * (1 + Math.log(count));
  }
  return toUnitLength(vector);
}

const WORD_SEED = 0x811c9dc5;
const LETTERS_SEED = 0x2f0b4a37;

/** FNV-1a over UTF-16 units with a last mix: the low bits of plain FNV are too much alike for short texts. */
function hashOf(text: string, seed: number, start = 0, length = text.length): number {
  let hash = seed;
  for (let index = start; index < start + length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mixed(hash);
}

/** The last mix of MurmurHash3 (Appleby). */
function mixed(given: number): number {
  let hash = given ^ (given >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
