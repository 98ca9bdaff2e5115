import type { BatchRow } from "../../src/core/batch.ts";
import type { Retention } from "../../src/ports/store.ts";

/** The ids of the batches that fell out of a retention. */
export function fallenOutOf(retention: Retention, batches: readonly BatchRow[], now: number): ReadonlySet<string> {
  const { keep, olderThanMs, queue, owner } = retention;
  if (keep === null && olderThanMs === null) return new Set();
  const ended = batches
    .flatMap(({ endedAt, ...batch }) => (endedAt === null ? [] : [{ ...batch, endedAt }]))
    .filter((batch) => (queue ?? batch.queue) === batch.queue && (owner ?? batch.owner) === batch.owner)
    .toSorted((a, b) => b.endedAt - a.endedAt || b.number - a.number);
  const fallen = ended.slice(keep ?? 0).filter(({ endedAt }) => olderThanMs === null || now - endedAt > olderThanMs);
  return new Set(fallen.map(({ id }) => id));
}
