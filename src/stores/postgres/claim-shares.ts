import type { Candidate } from "./claim.ts";

/**
 * One claimed item in so many comes from a younger batch of equal priority. With `turn` rising by one a claim, any run of
 * four claims of equal size gives the younger batches exactly a quarter; which of them is next goes round with the turn.
 */
const YOUNGER_EVERY = 4;

export interface ShareOptions {
  readonly limit: number;
  readonly turn: number;
  /** Items that queues with a limit may still give out; kept. */
  readonly room: Map<string, number>;
}

/**
 * Says how many items each batch gives to a claim, in their `taken`, and returns whose turn it was, one entry for each item.
 * @param batches by priority, then age
 */
export function share(batches: readonly Candidate[], options: ShareOptions): readonly Candidate[] {
  const order: Candidate[] = [];
  for (let from = 0; from < batches.length && order.length < options.limit; ) {
    const priority = batches[from]?.priority;
    let to = from;
    while (batches[to]?.priority === priority && to < batches.length) to += 1;
    shareAmongEquals(batches.slice(from, to), order, options);
    from = to;
  }
  return order;
}

/** Takes from batches of one priority, oldest first in `batches`. */
function shareAmongEquals(batches: Candidate[], order: Candidate[], { limit, turn, room }: ShareOptions): void {
  const roomOf = (queue: string): number => room.get(queue) ?? Number.POSITIVE_INFINITY;
  const canGive = (batch: Candidate | undefined): batch is Candidate =>
    batch !== undefined && batch.taken < batch.ready && roomOf(batch.queue) > 0;
  while (batches.length > 0 && order.length < limit) {
    // Looked at first: while one with nothing to give stood for the oldest, the oldest would get a share of the younger ones.
    if (!canGive(batches[0])) {
      batches.shift();
      continue;
    }
    const position = turn + order.length;
    const isForYounger = position % YOUNGER_EVERY === YOUNGER_EVERY - 1 && batches.length > 1;
    const index = isForYounger ? 1 + (Math.floor(position / YOUNGER_EVERY) % (batches.length - 1)) : 0;
    const batch = batches[index];
    if (!canGive(batch)) {
      batches.splice(index, 1);
      continue;
    }
    batch.taken += 1;
    order.push(batch);
    if (room.has(batch.queue)) room.set(batch.queue, roomOf(batch.queue) - 1);
  }
}
