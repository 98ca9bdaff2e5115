/**
 * Chance without flicker: every quantity that is uncertain walks through the same evenly spaced quantiles, each in an
 * order of its own. A look at the same facts gives the same answer, and a look after one more item a similar one.
 */
import { normalQuantile } from "./normal.ts";

/** A prime, so that every stride visits all quantiles. */
export const SCENARIOS = 47;

const QUANTILES = Array.from({ length: SCENARIOS }, (_, scenario) => (scenario + 0.5) / SCENARIOS);
const DEVIATES = QUANTILES.map(normalQuantile);

/** The quantile, 0 to 1, that the quantity `key` takes in a scenario. */
export function quantileIn(scenario: number, key: number): number {
  return QUANTILES[slotOf(scenario, key)] ?? 0.5;
}

/** The standard normal deviate that the quantity `key` takes in a scenario. */
export function deviateIn(scenario: number, key: number): number {
  return DEVIATES[slotOf(scenario, key)] ?? 0;
}

/** The deviate of the level: in order, so that no other quantity goes with it. */
export function levelIn(scenario: number): number {
  return DEVIATES[scenario] ?? 0;
}

/** A whole number that depends on `key` as if by chance (the finisher of MurmurHash3). */
export function hash(key: number): number {
  let mixed = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function slotOf(scenario: number, key: number): number {
  const chance = hash(key + 0x9e3779b9);
  const stride = 2 + (chance % (SCENARIOS - 3));
  return ((scenario + 1) * stride + (chance >>> 8)) % SCENARIOS;
}

/** Values at the wanted shares of the total weight, between the scenarios by straight lines. */
export function weightedQuantiles(
  values: readonly { readonly value: number; readonly weight: number }[],
  shares: readonly number[],
): number[] {
  const sorted = values.toSorted((a, b) => a.value - b.value);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  const points = sorted.map(({ value, weight }) => {
    const share = (passed + weight / 2) / total;
    passed += weight;
    return { value, share };
  });
  return shares.map((share) => {
    const above = points.findIndex((point) => point.share >= share);
    const to = points[above === -1 ? points.length - 1 : above] ?? { value: 0, share: 0 };
    const from = points[above === -1 ? points.length - 1 : Math.max(0, above - 1)] ?? to;
    if (to.share === from.share) return to.value;
    return from.value + ((to.value - from.value) * (share - from.share)) / (to.share - from.share);
  });
}
