/**
 * Chance without flicker: every quantity that is uncertain takes the same evenly spaced quantiles, one in each scenario and each
 * quantity in an order of its own. The same facts give the same answer, and one more item a similar one.
 */
import { sumOf } from "./tally.ts";

/** A prime, so that every stride visits all quantiles. */
export const SCENARIOS = 47;
/** The quantiles, 0 to 1. */
export const QUANTILES: readonly number[] = Array.from({ length: SCENARIOS }, (_, index) => (index + 0.5) / SCENARIOS);

/** Which of the quantiles the quantity `key` takes; key 0 takes them in order, and no other goes along with it. */
export function drawIn(scenario: number, key: number): number {
  // As if by chance (Knuth's multiplicative hash).
  const product = Math.imul(key, 0x9e3779b1);
  const mixed = (product ^ (product >>> 15)) >>> 0;
  const stride = key === 0 ? 1 : 2 + (mixed % (SCENARIOS - 3));
  return ((scenario + 1) * stride + (mixed >>> 8)) % SCENARIOS;
}

/**
 * Seconds until the last item ends, for workers that are `busy` so long with what they run now. The bulk, seconds of work, is
 * poured on them like water: over the k first that are free it stands at (bulk + what they run) / k, over too many or too few
 * of them higher. That is right for all but the end; so the last items, the tail, are placed one by one on whoever is free first.
 * The finish is the maximum, which a mean rate promises too early. Without the tail: .159, later .132.
 */
export function finishOf(busy: readonly number[], bulk: number, tail: readonly number[]): number {
  const free = new Float64Array(busy).sort();
  let water = bulk;
  let level = Number.POSITIVE_INFINITY;
  free.forEach((floor, lane) => {
    water += floor;
    level = Math.min(level, water / (lane + 1));
  });
  free.set(free.map((floor) => Math.max(floor, level)));
  for (const seconds of tail) {
    const end = (free[0] ?? 0) + seconds;
    let lane = 1;
    for (; (free[lane] ?? end) < end; lane++) free[lane - 1] = free[lane] ?? 0;
    free[lane - 1] = end;
  }
  return free.at(-1) ?? 0;
}

/** The value under which `share` of the weight of all lies. `sorted` by value. */
export function quantileOf(sorted: readonly (readonly [value: number, weight: number])[], share: number): number {
  let wanted = share * sumOf(sorted, ([, weight]) => weight);
  for (const [value, weight] of sorted) {
    wanted -= weight;
    if (wanted <= 0) return value;
  }
  return sorted.at(-1)?.[0] ?? 0;
}
