import type { Counts } from "../../core/counts.ts";
import type { ItemError } from "../../core/errors.ts";
import { chanceOf, splitItemNumber } from "../../core/ids.ts";
import type { AttemptRow } from "../../core/item.ts";
import type { ItemProgress, Stage } from "../../core/progress.ts";
import type { Control } from "../../core/queue.ts";
import type { VerdictCounts } from "../../core/request.ts";
import type { Policy } from "../../core/retry-policy.ts";
import type { ItemState } from "../../core/transitions.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Removal, SessionSpec } from "../../ports/store.ts";
import { ItemHeap } from "./item-heap.ts";

/*
 * What the memory store keeps: plain records that point at each other. Only `Commit` and the small functions here and in
 * item-changes.ts write to them, so that counters, versions and the places of items move together.
 */

export interface MemoryItem {
  readonly number: number;
  readonly ordinal: number;
  readonly id: string;
  readonly key: string;
  readonly batch: MemoryBatch;
  readonly kind: string | null;
  readonly size: number | null;
  /** JSON text, as are `output` and `saved`. */
  readonly input: string | null;
  output: string | null;
  saved: string | null;
  state: ItemState;
  priority: number;
  version: number;
  token: number;
  attempts: number;
  /** Failed attempts since submission or the last explicit retry. */
  tries: number;
  crashes: number;
  /** The session that holds it, 0 for none. */
  worker: number;
  /** 0 when it waits for no time. */
  runAt: number;
  isHeld: boolean;
  isSuspect: boolean;
  error: ItemError | null;
  progress: ItemProgress | null;
  fraction: number;
  startedAt: number | null;
  endedAt: number | null;
  /** Attempts that did not end the item; its own row is the last one. */
  past: AttemptRow[];
  /** Changes whenever the item enters or leaves a heap; 0 while it is in none. */
  place: number;
}

export interface MemoryBatch {
  readonly number: number;
  readonly id: string;
  readonly owner: string;
  readonly name: string | null;
  readonly queue: MemoryQueue;
  readonly pipeline: string;
  /** JSON text. */
  readonly options: string;
  readonly policy: Policy;
  readonly stages: readonly Stage[];
  readonly createdAt: number;
  readonly startAt: number | null;
  priority: number;
  control: Control;
  isCancelled: boolean;
  isSealed: boolean;
  epoch: number;
  version: number;
  counts: Counts;
  flight: number;
  percentFloor: number;
  startedAt: number | null;
  endedAt: number | null;
  checkpointAt: number | null;
  readonly work: string;
  learned: string | null;
  /** By ordinal; undefined where one was removed. */
  readonly items: (MemoryItem | undefined)[];
  readonly byKey: Map<string, MemoryItem>;
  readonly ready: ItemHeap;
  readonly waiting: ItemHeap;
  /** Pending items on hold. */
  readonly held: Set<MemoryItem>;
  /** Held items that wait for a time as well: nobody is to be woken for them. */
  readonly heldBack: ItemHeap;
  /** Keys of `MemoryState.requests` that are its own. */
  readonly requests: Set<string>;
  /** Items in the order in which they changed. An entry counts only while its item still bears its version. */
  feed: { readonly version: number; readonly item: MemoryItem }[];
  readonly removals: Removal[];
}

/** A submission that its caller named. */
export interface MemoryRequest {
  readonly batch: MemoryBatch;
  readonly fingerprint: string;
  readonly submission: string;
  readonly isWhole: boolean;
  readonly counts: VerdictCounts;
}

export interface MemoryQueue {
  readonly name: string;
  control: Control;
  concurrency: number | null;
  /** Items held by all workers together. */
  held: number;
  readonly batches: Set<MemoryBatch>;
  /** Batches that may have ready items. */
  readonly ready: Set<MemoryBatch>;
  /** Batches that may have items waiting for a time. */
  readonly timed: Set<MemoryBatch>;
}

export interface MemoryWorker {
  readonly number: number;
  readonly spec: SessionSpec;
  readonly held: Set<MemoryItem>;
  beatAt: number;
  confirmed: number;
  isDraining: boolean;
}

export interface MemoryState {
  readonly clock: Clock;
  readonly batches: Map<number, MemoryBatch>;
  readonly byId: Map<string, MemoryBatch>;
  /** By `chanceOf(id)`, which a batch shares with its items. */
  readonly byChance: Map<string, MemoryBatch>;
  readonly byName: Map<string, MemoryBatch>;
  /** By owner and key, as `byName`. */
  readonly requests: Map<string, MemoryRequest>;
  readonly queues: Map<string, MemoryQueue>;
  readonly workers: Map<number, MemoryWorker>;
  /** What was learned, by kind of work; the one changed last at the end. */
  readonly works: Map<string, string>;
  readonly listeners: Set<(mayHaveEnded: boolean) => void>;
  nextBatch: number;
  nextWorker: number;
  nextPlace: number;
  revision: number;
  isNotifying: boolean;
  /** What listeners are told with the next hint. */
  mayHaveEnded: boolean;
}

export function createState(clock: Clock): MemoryState {
  return {
    clock,
    batches: new Map(),
    byId: new Map(),
    byChance: new Map(),
    byName: new Map(),
    requests: new Map(),
    queues: new Map(),
    workers: new Map(),
    works: new Map(),
    listeners: new Set(),
    nextBatch: 1,
    nextWorker: 1,
    nextPlace: 1,
    revision: 0,
    isNotifying: false,
    mayHaveEnded: false,
  };
}

/** The key of `MemoryState.byName` and `.requests`: no owner or name holds a NUL. */
export function nameKey(owner: string, name: string): string {
  return `${owner}\0${name}`;
}

export function queueNamed(state: MemoryState, name: string): MemoryQueue {
  const known = state.queues.get(name);
  if (known !== undefined) return known;
  const queue: MemoryQueue = {
    name,
    control: "run",
    concurrency: null,
    held: 0,
    batches: new Set(),
    ready: new Set(),
    timed: new Set(),
  };
  state.queues.set(name, queue);
  return queue;
}

export function itemNumbered(state: MemoryState, number: number): MemoryItem | undefined {
  const { batch, ordinal } = splitItemNumber(number);
  return state.batches.get(batch)?.items[ordinal];
}

/** Puts the item where claims look for it now, and out of where it was. To be called after each change of what decides that. */
export function placeItem(state: MemoryState, item: MemoryItem): void {
  item.place = 0;
  if (item.state !== "pending" || item.worker !== 0 || (item.isHeld && item.runAt === 0)) return;
  item.place = state.nextPlace++;
  const { batch } = item;
  if (item.runAt > 0) {
    (item.isHeld ? batch.heldBack : batch.waiting).push(item, item.runAt);
    batch.queue.timed.add(batch);
  } else {
    batch.ready.push(item, item.priority);
    batch.queue.ready.add(batch);
  }
}

/** True once the session was silent for longer than its lease. */
export function isLapsed(state: MemoryState, worker: MemoryWorker): boolean {
  return worker.beatAt + worker.spec.leaseMs < state.clock.monotonic();
}

/** Gives a ready item to a worker under a new token. Nothing of it can be seen from outside until it starts. */
export function takeItem(worker: MemoryWorker, item: MemoryItem): void {
  item.token += 1;
  item.worker = worker.number;
  item.place = 0;
  worker.held.add(item);
  item.batch.queue.held += 1;
}

/** Takes the item from whoever holds it. */
export function dropHolder(state: MemoryState, item: MemoryItem): void {
  if (item.worker === 0) return;
  state.workers.get(item.worker)?.held.delete(item);
  item.worker = 0;
  item.batch.queue.held -= 1;
}

/** What a batch without items has. */
export function emptyLists() {
  return {
    byKey: new Map<string, MemoryItem>(),
    ready: new ItemHeap(),
    waiting: new ItemHeap(),
    held: new Set<MemoryItem>(),
    heldBack: new ItemHeap(),
    requests: new Set<string>(),
    feed: [],
    removals: [],
  };
}

/** Puts a batch where it is looked for. */
export function placeBatch(state: MemoryState, batch: MemoryBatch): void {
  state.batches.set(batch.number, batch);
  state.byId.set(batch.id, batch);
  state.byChance.set(chanceOf(batch.id), batch);
  if (batch.name !== null) state.byName.set(nameKey(batch.owner, batch.name), batch);
  batch.queue.batches.add(batch);
}

/** Forgets a batch with all it has. */
export function deleteBatch(state: MemoryState, batch: MemoryBatch, chance: string): void {
  for (const worker of state.workers.values()) {
    for (const item of worker.held) if (item.batch === batch) dropHolder(state, item);
  }
  state.batches.delete(batch.number);
  state.byId.delete(batch.id);
  state.byChance.delete(chance);
  if (batch.name !== null) state.byName.delete(nameKey(batch.owner, batch.name));
  for (const key of batch.requests) state.requests.delete(key);
  for (const set of [batch.queue.batches, batch.queue.ready, batch.queue.timed]) set.delete(batch);
}

/** Tells the listeners once, after the current call, that something was committed. */
export function notify(state: MemoryState, mayHaveEnded = true): void {
  state.mayHaveEnded ||= mayHaveEnded;
  if (state.isNotifying || state.listeners.size === 0) return;
  state.isNotifying = true;
  queueMicrotask(() => {
    const told = state.mayHaveEnded;
    state.isNotifying = false;
    state.mayHaveEnded = false;
    for (const listener of state.listeners) listener(told);
  });
}
