import { NO_COUNTS } from "../../core/counts.ts";
import { MilepostError } from "../../core/errors.ts";
import { chanceOf, itemIdFrom, itemNumberFrom } from "../../core/ids.ts";
import { LIMITS } from "../../core/limits.ts";
import { countVerdicts, decideRequest, takenId, type VerdictCounts, type VerdictKind } from "../../core/request.ts";
import type { BatchSpec, ItemSpec, Submission, SubmissionRequest, Submitted } from "../../ports/store.ts";
import { Commit } from "./commit.ts";
import { ItemHeap } from "./item-heap.ts";
import {
  type MemoryBatch,
  type MemoryItem,
  type MemoryRequest,
  type MemoryState,
  nameKey,
  placeItem,
  queueNamed,
} from "./memory-state.ts";
import { toBatchRow } from "./rows.ts";

export function submit(state: MemoryState, submission: Submission): Submitted {
  const request = requestOf(state, submission);
  if (request?.isWhole === true) return repeated(state, request);
  const known = findBatch(state, submission.batch);
  if (known === undefined && typeof submission.batch === "number") {
    return { batch: null, isNew: false, verdicts: [], items: [], firstOrdinal: 0, repeated: null };
  }
  if (known !== undefined && known.items.length + submission.items.length > LIMITS.itemsPerBatch) {
    throw new MilepostError("INVALID_ARGUMENT", `a batch holds at most ${LIMITS.itemsPerBatch} items`);
  }
  const batch = known ?? createBatch(state, submission.batch as BatchSpec, submission.now);
  const commit = new Commit(state, submission.now);
  const firstOrdinal = submission.firstOrdinal ?? batch.items.length;
  const verdicts: VerdictKind[] = [];
  const numbers: number[] = [];
  // A cancel that came while the submission was under way stands; only a new submission lifts it.
  const isLate = submission.firstOrdinal !== undefined && batch.isCancelled;
  let added = 0;
  for (const spec of submission.items) {
    const present = batch.byKey.get(spec.key);
    if (present === undefined) added += 1;
    verdicts.push(present === undefined ? "added" : present.ordinal >= firstOrdinal ? "duplicate" : "known");
    numbers.push((present ?? addItem(commit, batch, spec, isLate)).number);
  }
  if (added > 0 && !isLate) {
    if (batch.isSealed) commit.reopen(batch);
    batch.isCancelled = false;
    batch.isSealed = false;
    commit.of(batch).resetsPercent = true;
  }
  if (submission.seal && !batch.isSealed) {
    commit.of(batch);
    batch.isSealed = true;
  }
  if (known === undefined) commit.of(batch);
  commit.apply();
  const before = submission.firstOrdinal === undefined ? undefined : request?.counts;
  if (submission.request !== undefined) keepRequest(state, batch, submission.request, countVerdicts(verdicts, before));
  const isNew = known === undefined;
  return { batch: toBatchRow(state, batch), isNew, verdicts, items: numbers, firstOrdinal, repeated: null };
}

/** What is kept of the submission's request: of a whole one, or of the very submission that is under way. */
function requestOf(state: MemoryState, { batch, request }: Submission): MemoryRequest | undefined {
  if (request === undefined) return undefined;
  const owner = typeof batch === "number" ? state.batches.get(batch)?.owner : batch.owner;
  const known = owner === undefined ? undefined : state.requests.get(nameKey(owner, request.key));
  if (known === undefined) return undefined;
  decideRequest({ ...known, batch: known.batch.number }, request, typeof batch === "number" ? batch : null);
  return known;
}

function repeated(state: MemoryState, { batch, counts }: MemoryRequest): Submitted {
  const nothing = { isNew: false, verdicts: [], items: [], firstOrdinal: 0 };
  return { batch: toBatchRow(state, batch), ...nothing, repeated: { ...counts } };
}

function keepRequest(state: MemoryState, batch: MemoryBatch, request: SubmissionRequest, counts: VerdictCounts): void {
  const key = nameKey(batch.owner, request.key);
  if (request.state === "given-up") {
    state.requests.delete(key);
    batch.requests.delete(key);
    return;
  }
  const { fingerprint, id: submission } = request;
  state.requests.set(key, { batch, fingerprint, submission, isWhole: request.state === "whole", counts });
  batch.requests.add(key);
}

function findBatch(state: MemoryState, batch: BatchSpec | number): MemoryBatch | undefined {
  if (typeof batch === "number") return state.batches.get(batch);
  const named = batch.name === null ? undefined : state.byName.get(nameKey(batch.owner, batch.name));
  if (named !== undefined) return named;
  const known = state.byChance.get(chanceOf(batch.id));
  if (known === undefined) return undefined;
  const { id, owner, name, pipeline } = batch;
  if (known.id !== id || known.owner !== owner || known.name !== name || known.pipeline !== pipeline) throw takenId(id);
  return known;
}

function createBatch(state: MemoryState, spec: BatchSpec, now: number): MemoryBatch {
  if (state.nextBatch >= LIMITS.batchesPerStore) {
    throw new MilepostError(
      "STORE_FULL",
      `a store holds at most ${LIMITS.batchesPerStore - 1} batches over its whole life, deleted ones included. Begin a new one.`,
    );
  }
  const queue = queueNamed(state, spec.queue);
  const batch: MemoryBatch = {
    number: state.nextBatch++,
    id: spec.id,
    owner: spec.owner,
    name: spec.name,
    queue,
    pipeline: spec.pipeline,
    options: JSON.stringify(spec.options),
    policy: structuredClone(spec.policy),
    stages: structuredClone(spec.stages),
    createdAt: now,
    startAt: spec.startAt,
    priority: spec.priority,
    control: "run",
    isCancelled: false,
    isSealed: false,
    epoch: 1,
    version: 0,
    counts: NO_COUNTS,
    flight: 0,
    percentFloor: 0,
    startedAt: null,
    endedAt: null,
    checkpointAt: null,
    work: spec.work,
    learned: null,
    items: [],
    byKey: new Map(),
    ready: new ItemHeap(),
    waiting: new ItemHeap(),
    held: new Set(),
    heldBack: new ItemHeap(),
    requests: new Set(),
    feed: [],
    removals: [],
  };
  state.batches.set(batch.number, batch);
  state.byId.set(batch.id, batch);
  state.byChance.set(chanceOf(batch.id), batch);
  if (batch.name !== null) state.byName.set(nameKey(batch.owner, batch.name), batch);
  queue.batches.add(batch);
  return batch;
}

function addItem(commit: Commit, batch: MemoryBatch, spec: ItemSpec, isLate: boolean): MemoryItem {
  const ordinal = batch.items.length;
  const item: MemoryItem = {
    number: itemNumberFrom(batch.number, ordinal),
    ordinal,
    id: itemIdFrom(batch.id, ordinal),
    key: spec.key,
    batch,
    kind: spec.kind,
    size: spec.size,
    input: spec.input,
    output: null,
    saved: null,
    state: isLate ? "cancelled" : "pending",
    priority: spec.priority,
    version: 0,
    token: 0,
    attempts: 0,
    tries: 0,
    crashes: 0,
    worker: 0,
    runAt: 0,
    isHeld: false,
    isSuspect: false,
    error: null,
    progress: null,
    fraction: 0,
    startedAt: null,
    endedAt: isLate ? commit.now : null,
    past: [],
    place: 0,
  };
  batch.items.push(item);
  batch.byKey.set(spec.key, item);
  commit.touch(item).counts.add(item.state);
  placeItem(commit.state, item);
  return item;
}
