import type { SeededRandom } from "../../src/testing/seeded-random.ts";

/** What calls to the store go through in one history. Probabilities are for one call. */
export interface Weather {
  /** A call fails and changes nothing. */
  readonly failure: number;
  /** A call is carried out and its answer is lost. */
  readonly lostReply: number;
  /** A call takes up to a second. */
  readonly slow: number;
  /** Usual time of one way to the store, in milliseconds. */
  readonly latencyMs: number;
  /** A hint of a commit does not arrive. */
  readonly lostHint: number;
}

/** From a store in this very process, as SQLite is, to one at the end of a bad line. */
export function drawWeather(random: SeededRandom): Weather {
  const isFine = random.isTrue(0.25);
  return {
    failure: isFine ? 0 : random.fraction() * 0.06,
    lostReply: isFine ? 0 : random.fraction() * 0.06,
    slow: random.isTrue(0.5) ? random.fraction() * 0.08 : 0,
    latencyMs: random.pick([0, 1, 4, 15]) ?? 0,
    lostHint: random.fraction() * 0.5,
  };
}

/** The time of one way to the store or back; in calm weather none is slow. */
export function drawLatency(weather: Weather, random: SeededRandom, isCalm: boolean): number {
  if (!isCalm && random.isTrue(weather.slow)) return random.fraction() * 1_000;
  return weather.latencyMs * 2 * random.fraction();
}
