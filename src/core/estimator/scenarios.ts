/**
 * Chance without flicker: every quantity that is uncertain takes the same evenly spaced quantiles, one in each scenario and each
 * quantity in an order of its own. The same facts give the same answer, and one more item a similar one.
 */
/** A prime, so that every stride visits all quantiles. */
export const SCENARIOS = 47;

/** The quantile, 0 to 1, of the quantity `key`; key 0 takes them in order, and no other goes along with it. */
export function quantileIn(scenario: number, key: number): number {
  const stride = key === 0 ? 1 : 2 + (mix(key) % (SCENARIOS - 3));
  return ((((scenario + 1) * stride + (mix(key) >>> 8)) % SCENARIOS) + 0.5) / SCENARIOS;
}

/** A whole number that depends on `key` as if by chance (Knuth's multiplicative hash). */
function mix(key: number): number {
  const mixed = Math.imul(key, 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** What workers have to do. */
export interface Load {
  /** Seconds until each is free of what it runs now. */
  readonly busy: readonly number[];
  /** Seconds of work that may be spread at will. */
  readonly bulk: number;
  /** Seconds of each of the last items. */
  readonly tail: readonly number[];
}

/**
 * Seconds until the last item ends. The bulk is poured on the workers like water, which is right for all but the end; the last
 * items are placed one by one on whoever is free first. The finish is the maximum, which a mean rate promises too early.
 * Without the tail: .161.
 */
export function finishOf({ busy, bulk, tail }: Load): number {
  const free = Float64Array.from(busy).sort();
  let finish = free.at(-1) ?? 0;
  let water = bulk;
  let level = 0;
  for (const [lane, floor] of free.entries()) {
    if (floor * lane >= water) break;
    water += floor;
    level = water / (lane + 1);
  }
  for (const [lane, floor] of free.entries()) free[lane] = Math.max(floor, level);
  finish = Math.max(finish, level);
  for (const seconds of tail) {
    let first = 0;
    for (let lane = 1; lane < free.length; lane++) if ((free[lane] ?? 0) < (free[first] ?? 0)) first = lane;
    const end = (free[first] ?? 0) + seconds;
    free[first] = end;
    finish = Math.max(finish, end);
  }
  return finish;
}

/** A value and its weight. */
export type Weighted = readonly [value: number, weight: number];

/** The value under which `share` of the weight of all lies; between two of them by a straight line. */
export function quantileOf(values: readonly Weighted[], share: number): number {
  const sorted = values.toSorted(([a], [b]) => a - b);
  const wanted = share * sorted.reduce((sum, [, weight]) => sum + weight, 0);
  let passed = 0;
  let [before, from] = [sorted[0]?.[0] ?? 0, 0];
  for (const [value, weight] of sorted) {
    const middle = passed + weight / 2;
    if (middle >= wanted) return value - ((value - before) * (middle - wanted)) / Math.max(middle - from, 1e-300);
    [before, from] = [value, middle];
    passed += weight;
  }
  return before;
}
