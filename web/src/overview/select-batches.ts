import type { WireBatch } from "../../../src/wire/batch.ts";
import type { OverviewView, Show, Sort } from "../address/address.ts";
import { ownerOf, titleOf } from "../words/batch-words.ts";
import { byTurn } from "./turns.ts";

type Compare = (a: WireBatch, b: WireBatch) => number;

const IS_SHOWN: Readonly<Record<Show, (batch: WireBatch) => boolean>> = {
  all: () => true,
  active: ({ endedAt }) => endedAt === null,
  failed: ({ counts }) => counts.failed > 0,
  ended: ({ endedAt }) => endedAt !== null,
};

/** `page 9` before `page 10`; made once, since comparing thousands of names without it takes a tenth of a second. */
const ORDER = new Intl.Collator(undefined, { numeric: true });

/** Each in the direction that is asked for first: the newest, the soonest, the most failed. */
const BEFORE: Readonly<Record<Exclude<Sort, "active">, Compare>> = {
  age: byAge,
  name: (a, b) => ORDER.compare(titleOf(a), titleOf(b)) || byAge(a, b),
  progress: (a, b) => (b.percent ?? -1) - (a.percent ?? -1) || byAge(a, b),
  left: (a, b) => leftOf(a) - leftOf(b) || byAge(a, b),
  failed: (a, b) => b.counts.failed - a.counts.failed || byAge(a, b),
};

/**
 * The batches of a view in its order. Nothing is changed; the same batches in the same view come in the same order.
 * @param before what was selected the last time: most of it is in its order still, and need only be looked through
 */
export function selectBatches(
  batches: ReadonlyMap<string, WireBatch>,
  view: Pick<OverviewView, "show" | "queue" | "search" | "sort" | "isReversed">,
  before: readonly WireBatch[] = [],
): readonly WireBatch[] {
  const needle = view.search.trim().toLocaleLowerCase();
  const found = inOrderOf(before, batches).filter(
    (batch) =>
      IS_SHOWN[view.show](batch) &&
      (view.queue === null || batch.queue === view.queue) &&
      (needle === "" || textOf(batch).includes(needle)),
  );
  const compare = view.sort === "active" ? activeFirst(batches.values()) : BEFORE[view.sort];
  return found.sort(view.isReversed ? (a, b) => compare(b, a) : compare);
}

/** All batches as they are now, those of `before` first and in its order. */
function inOrderOf(before: readonly WireBatch[], batches: ReadonlyMap<string, WireBatch>): readonly WireBatch[] {
  const left = new Map(batches);
  const ordered: WireBatch[] = [];
  for (const { id } of before) {
    const batch = left.get(id);
    if (batch !== undefined) ordered.push(batch);
    left.delete(id);
  }
  return [...ordered, ...left.values()];
}

/** What a search looks at. */
function textOf(batch: WireBatch): string {
  return `${titleOf(batch)}\n${batch.id}\n${batch.pipeline}\n${batch.queue}\n${ownerOf(batch)}`.toLocaleLowerCase();
}

/** Ids of batches begin with the time they were made at. */
function byAge(a: WireBatch, b: WireBatch): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? 1 : -1;
}

/**
 * What runs, then what waits, then what has ended, the newest first. The batches of a queue stand in the order in which they
 * run: what has its turn before one that runs stands before it, though it be paused.
 */
function activeFirst(batches: Iterable<WireBatch>): Compare {
  const lastRunning = new Map<string, WireBatch>();
  for (const batch of batches) {
    if (batch.status !== "processing") continue;
    const last = lastRunning.get(batch.queue);
    if (last === undefined || byTurn(batch, last) > 0) lastRunning.set(batch.queue, batch);
  }
  const rankOf = (batch: WireBatch): number => {
    if (batch.endedAt !== null) return 2;
    const last = lastRunning.get(batch.queue);
    return last !== undefined && byTurn(batch, last) <= 0 ? 0 : 1;
  };
  return (a, b) => {
    const rank = rankOf(a);
    return rank - rankOf(b) || (rank === 2 ? byAge(a, b) : byTurn(a, b));
  };
}

/** Those that end first, then those whose end is not known, then those that have ended. */
function leftOf(batch: WireBatch): number {
  if (batch.endedAt !== null) return Number.MAX_VALUE;
  return batch.estimatedTimeRemaining ?? Number.MAX_SAFE_INTEGER;
}
