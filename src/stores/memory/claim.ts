import type { Claimed, ClaimRequest, Lease } from "../../ports/store.ts";
import {
  itemNumbered,
  type MemoryBatch,
  type MemoryItem,
  type MemoryQueue,
  type MemoryState,
  placeItem,
  takeItem,
} from "./memory-state.ts";

/**
 * One claimed item in so many comes from a younger batch of equal priority. With `turn` rising by one a claim, any run of
 * four claims of equal size gives the younger batches exactly a quarter; which of them is next goes round with the turn.
 */
const YOUNGER_EVERY = 4;

const NOTHING: Claimed = { leases: [], nextAt: null };

export function claim(state: MemoryState, request: ClaimRequest): Claimed {
  const worker = state.workers.get(request.worker);
  if (worker === undefined || worker.isDraining) return NOTHING;
  const { candidates, nextAt } = survey(state, request);
  const leases: Lease[] = [];
  const take = (item: MemoryItem): void => {
    takeItem(worker, item);
    leases.push(toLease(item));
  };
  if (request.only !== undefined) {
    const claimable = new Set(candidates);
    for (const number of request.only) {
      if (leases.length >= request.limit) break;
      const item = itemNumbered(state, number);
      if (item !== undefined && claimable.has(item.batch) && isReady(item) && hasRoom(item.batch.queue)) take(item);
    }
    return { leases, nextAt };
  }
  candidates.sort((a, b) => a.priority - b.priority || a.number - b.number);
  for (let from = 0; from < candidates.length && leases.length < request.limit; ) {
    const priority = candidates[from]?.priority;
    let to = from;
    while (candidates[to]?.priority === priority) to += 1;
    claimFromEquals({ batches: candidates.slice(from, to), request, leases, take });
    from = to;
  }
  return { leases, nextAt };
}

/** The batches that may be claimed from now, due back-offs made ready, and the next time at which there will be more. */
function survey(
  state: MemoryState,
  request: ClaimRequest,
): { readonly candidates: MemoryBatch[]; readonly nextAt: number | null } {
  const { now } = request;
  const candidates: MemoryBatch[] = [];
  let nextAt = Number.POSITIVE_INFINITY;
  for (const name of request.queues.length > 0 ? new Set(request.queues) : state.queues.keys()) {
    const queue = state.queues.get(name);
    if (queue === undefined) continue;
    for (const batch of queue.timed) {
      const due = promote(state, batch, now);
      if (due !== null && isClaimable(batch, request)) nextAt = Math.min(nextAt, Math.max(due, batch.startAt ?? 0));
    }
    for (const batch of queue.ready) {
      if (batch.ready.peek() === undefined) queue.ready.delete(batch);
      else if (!isClaimable(batch, request)) continue;
      else if (batch.startAt !== null && batch.startAt > now) nextAt = Math.min(nextAt, batch.startAt);
      else candidates.push(batch);
    }
  }
  return { candidates, nextAt: nextAt === Number.POSITIVE_INFINITY ? null : nextAt };
}

/** Makes the batch's due items ready; returns when the next one will be that can be claimed then. */
function promote(state: MemoryState, batch: MemoryBatch, now: number): number | null {
  for (const heap of [batch.waiting, batch.heldBack]) {
    for (let item = heap.peek(); item !== undefined && item.runAt <= now; item = heap.peek()) {
      item.runAt = 0;
      placeItem(state, item);
    }
  }
  const next = batch.waiting.peek();
  if (next === undefined && batch.heldBack.peek() === undefined) batch.queue.timed.delete(batch);
  return next?.runAt ?? null;
}

function isClaimable(batch: MemoryBatch, request: ClaimRequest): boolean {
  if (batch.queue.control !== "run" || batch.control !== "run" || batch.isCancelled) return false;
  if (request.batch !== undefined && request.batch !== batch.number) return false;
  return request.pipelines === null || request.pipelines.includes(batch.pipeline);
}

function isReady(item: MemoryItem): boolean {
  return item.state === "pending" && item.worker === 0 && !item.isHeld && item.runAt === 0;
}

function hasRoom(queue: MemoryQueue): boolean {
  return queue.concurrency === null || queue.held < queue.concurrency;
}

/** Claims from batches of one priority, oldest first in `batches`. */
function claimFromEquals(share: {
  readonly batches: MemoryBatch[];
  readonly request: ClaimRequest;
  readonly leases: readonly Lease[];
  readonly take: (item: MemoryItem) => void;
}): void {
  const { batches, request, leases, take } = share;
  const next = (batch: MemoryBatch | undefined): MemoryItem | undefined =>
    batch !== undefined && hasRoom(batch.queue) ? batch.ready.peek() : undefined;
  while (batches.length > 0 && leases.length < request.limit) {
    // Looked at first: while one with nothing to give stood for the oldest, the oldest would get a share of the younger ones.
    if (next(batches[0]) === undefined) {
      batches.shift();
      continue;
    }
    const position = request.turn + leases.length;
    const isForYounger = position % YOUNGER_EVERY === YOUNGER_EVERY - 1 && batches.length > 1;
    const index = isForYounger ? 1 + (Math.floor(position / YOUNGER_EVERY) % (batches.length - 1)) : 0;
    const item = next(batches[index]);
    if (item === undefined) batches.splice(index, 1);
    else take(item);
  }
}

function toLease(item: MemoryItem): Lease {
  return {
    item: item.number,
    token: item.token,
    worker: item.worker,
    batch: item.batch.number,
    id: item.id,
    key: item.key,
    input: item.input,
    size: item.size,
    kind: item.kind,
    saved: item.saved,
    attempt: item.attempts + 1,
    failures: item.tries,
    crashes: item.crashes,
    isSuspect: item.isSuspect,
  };
}
