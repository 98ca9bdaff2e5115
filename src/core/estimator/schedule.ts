/**
 * When the last item ends: work put on workers, once for each scenario.
 *
 * Most of what waits is poured onto the workers like water, which is right for all but the end; the last few items per worker
 * are placed one by one on whichever is free first. The finish is the maximum over the workers, which is why a mean rate
 * promises too much at the tail.
 */
export interface Load {
  /** Seconds until each worker is free of what it runs now. */
  readonly busy: readonly number[];
  /** Seconds of work that may be spread at will before the tail. */
  readonly bulk: number;
  /** Seconds of each of the last items, in their order. */
  readonly tail: readonly number[];
}

/** Seconds until the last item has ended. */
export function finishOf({ busy, bulk, tail }: Load): number {
  const level = fillTo(busy, bulk);
  const free = new Float64Array(busy.length);
  let finish = 0;
  for (let lane = 0; lane < free.length; lane++) {
    const seconds = busy[lane] ?? 0;
    if (seconds > finish) finish = seconds;
    free[lane] = Math.max(seconds, level);
  }
  if (bulk > 0 && level > finish) finish = level;
  for (const seconds of tail) {
    let first = 0;
    for (let lane = 1; lane < free.length; lane++) {
      if ((free[lane] ?? 0) < (free[first] ?? 0)) first = lane;
    }
    const end = (free[first] ?? 0) + seconds;
    free[first] = end;
    if (end > finish) finish = end;
  }
  return finish;
}

/** The height to which `water` rises over floors of the heights `busy`. */
function fillTo(busy: readonly number[], water: number): number {
  const floors = busy.toSorted((a, b) => a - b);
  let sum = 0;
  let level = floors[0] ?? 0;
  for (const [index, floor] of floors.entries()) {
    if (floor * index - sum >= water) break;
    sum += floor;
    level = (sum + water) / (index + 1);
  }
  return level;
}
