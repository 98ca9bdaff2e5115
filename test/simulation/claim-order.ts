import type { BatchRow } from "../../src/core/batch.ts";
import { splitItemNumber } from "../../src/core/ids.ts";
import type { ItemRow } from "../../src/core/item.ts";
import type { QueueSnapshot } from "../../src/core/queue.ts";
import type { ClaimRequest, Lease } from "../../src/ports/store.ts";
import { itemText } from "./describe-call.ts";

/** What there was to claim from before a claim. */
export interface Supply {
  readonly batches: readonly BatchRow[];
  readonly itemsOf: (batch: number) => readonly ItemRow[];
  /** Items that somebody holds, with anything. */
  readonly held: ReadonlyMap<number, unknown>;
  readonly queues: readonly QueueSnapshot[];
}

/** A batch under a claim: what is left of it as the claim takes one item after the other. */
interface Candidate {
  readonly batch: BatchRow;
  /** Surely ready, in the order in which they must be taken. */
  readonly ready: ItemRow[];
  /** Its back-off ends later, or it was over before the wall clock was set back: the store may know it as ready. */
  readonly doubtful: Set<number>;
}

interface Disorder {
  readonly invariant: string;
  readonly detail: string;
}

/** One claimed item in so many comes from a younger batch of equal priority. */
const YOUNGER_EVERY = 4;

const ORDER = "claims go by priority, then age, with a quarter for younger batches";

/**
 * Takes what a claim brought from what was there, item by item, and says where it left the order that is promised; null if
 * it never did. Claims of a caller who names the items have no order.
 */
export function disorderOf(request: ClaimRequest, leases: readonly Lease[], supply: Supply): Disorder | null {
  const foreign = leases.find((lease) => !isAskedFor(request, lease, supply.batches));
  if (foreign !== undefined)
    return { invariant: "a claim brings only what was asked for", detail: itemText(foreign.item) };
  if (request.only !== undefined) return null;
  const candidates = candidatesOf(request, supply);
  const room = roomOf(supply);
  for (const [index, lease] of leases.entries()) {
    const able = candidates.filter(({ batch, ready }) => ready.length > 0 && (room.get(batch.queue) ?? 1) > 0);
    const wrong = disorderIn(lease, request.turn + index, { candidates, able });
    if (wrong !== null) return { invariant: ORDER, detail: `${itemText(lease.item)}, turn ${request.turn}: ${wrong}` };
    take(lease, candidates, room);
  }
  const left = candidates.find(({ batch, ready }) => ready.length > 0 && (room.get(batch.queue) ?? 1) > 0);
  if (leases.length >= request.limit || left === undefined) return null;
  const detail = `${leases.length} of ${request.limit}, though ${left.ready.length} of batch ${left.batch.number} are ready`;
  return { invariant: "a claim leaves nothing that is ready", detail };
}

function isAskedFor(request: ClaimRequest, lease: Lease, batches: readonly BatchRow[]): boolean {
  const batch = batches.find(({ number }) => number === lease.batch);
  if (batch === undefined) return false;
  return isOpenTo(request, batch) && (request.only === undefined || request.only.includes(lease.item));
}

function isOpenTo(request: ClaimRequest, batch: BatchRow): boolean {
  const { queues, pipelines } = request;
  if (request.batch !== undefined && request.batch !== batch.number) return false;
  return (queues.length === 0 || queues.includes(batch.queue)) && (pipelines?.includes(batch.pipeline) ?? true);
}

/** The batches that may be claimed from, in the order of their age. */
function candidatesOf(request: ClaimRequest, { batches, itemsOf, held, queues }: Supply): readonly Candidate[] {
  const running = new Set(
    queues.flatMap(({ name, state }) => (state === "paused" || state === "stopped" ? [] : [name])),
  );
  return batches
    .filter((batch) => batch.counts.pending > 0 && isOpenTo(request, batch) && running.has(batch.queue))
    .filter(({ control, isCancelled, startAt }) => control === "run" && !isCancelled && (startAt ?? 0) <= request.now)
    .toSorted((a, b) => a.number - b.number)
    .map((batch) => {
      const waiting = itemsOf(batch.number).filter(
        ({ number, state, isHeld }) => state === "pending" && !isHeld && !held.has(number),
      );
      const ready = waiting.filter(({ readyAt }) => (readyAt ?? 0) <= request.now);
      ready.sort((a, b) => a.priority - b.priority || a.number - b.number);
      const sure = new Set(ready);
      const doubtful = new Set(waiting.flatMap((item) => (sure.has(item) ? [] : [item.number])));
      return { batch, ready, doubtful };
    });
}

/** Items that each queue with a limit may still give out. */
function roomOf({ batches, held, queues }: Supply): Map<string, number> {
  const limited = queues.flatMap(({ name, concurrency }) =>
    concurrency === null ? [] : [[name, concurrency] as const],
  );
  const room = new Map(limited);
  if (limited.length === 0) return room;
  const queueOf = new Map(batches.map(({ number, queue }) => [number, queue]));
  for (const item of held.keys()) {
    const queue = queueOf.get(splitItemNumber(item).batch) ?? "";
    const left = room.get(queue);
    if (left !== undefined) room.set(queue, left - 1);
  }
  return room;
}

/** Why this lease may not be the next; null if it may. `able`: those that surely had something to give. */
function disorderIn(
  lease: Lease,
  position: number,
  from: { readonly candidates: readonly Candidate[]; readonly able: readonly Candidate[] },
): string | null {
  const own = from.candidates.find(({ batch }) => batch.number === lease.batch);
  if (own === undefined) return "its batch had nothing to give";
  const { priority } = own.batch;
  const sooner = from.able.find(({ batch }) => batch.priority < priority);
  if (sooner !== undefined)
    return `batch ${sooner.batch.number} has priority ${sooner.batch.priority}, not ${priority}`;
  const first = own.ready[0];
  if (first !== undefined && first.number !== lease.item && !own.doubtful.has(lease.item))
    return `${itemText(first.number)} comes before it in its batch`;
  const equals = from.able.filter(({ batch }) => batch.priority === priority);
  const older = equals.find(({ batch }) => batch.number < lease.batch);
  const isForYounger = position % YOUNGER_EVERY === YOUNGER_EVERY - 1;
  if (!isForYounger) return older === undefined ? null : `batch ${older.batch.number} is older`;
  const mayHaveOlder = from.candidates.some(
    ({ batch, ready, doubtful }) =>
      batch.priority === priority && batch.number < lease.batch && ready.length + doubtful.size > 0,
  );
  const younger = equals.find(({ batch }) => batch.number > lease.batch);
  return younger === undefined || mayHaveOlder
    ? null
    : `it is the turn of batch ${younger.batch.number}, which is younger`;
}

function take(lease: Lease, candidates: readonly Candidate[], room: Map<string, number>): void {
  const own = candidates.find(({ batch }) => batch.number === lease.batch);
  if (own === undefined) return;
  const index = own.ready.findIndex(({ number }) => number === lease.item);
  if (index >= 0) own.ready.splice(index, 1);
  own.doubtful.delete(lease.item);
  const left = room.get(own.batch.queue);
  if (left !== undefined) room.set(own.batch.queue, left - 1);
}
