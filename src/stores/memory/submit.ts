import { NO_COUNTS } from "../../core/counts.ts";
import { chanceOf, itemIdFrom, itemNumberFrom } from "../../core/ids.ts";
import { countVerdicts, decideRequest, type VerdictCounts, type VerdictKind } from "../../core/request.ts";
import type { BatchSpec, ItemSpec, Submission, SubmissionRequest, Submitted } from "../../ports/store.ts";
import { isLate, NOTHING, requireNumber, requireRoom, requireSame } from "../submission.ts";
import { Commit } from "./commit.ts";
import {
  emptyLists,
  type MemoryBatch,
  type MemoryItem,
  type MemoryRequest,
  type MemoryState,
  nameKey,
  placeBatch,
  placeItem,
  queueNamed,
} from "./memory-state.ts";
import { toBatchRow } from "./rows.ts";

export function submit(state: MemoryState, submission: Submission): Submitted {
  const request = requestOf(state, submission);
  if (request?.isWhole === true) return repeated(state, request);
  const known = findBatch(state, submission.batch);
  if (known === undefined && typeof submission.batch === "number") {
    return NOTHING;
  }
  if (known !== undefined) requireRoom(known.items.length, submission.items.length);
  const batch = known ?? createBatch(state, submission.batch as BatchSpec, submission.now);
  const commit = new Commit(state, submission.now);
  const firstOrdinal = submission.firstOrdinal ?? batch.items.length;
  const verdicts: VerdictKind[] = [];
  const numbers: number[] = [];
  const isStopped = isLate(submission, batch);
  let added = 0;
  for (const spec of submission.items) {
    const present = batch.byKey.get(spec.key);
    if (present === undefined) added += 1;
    verdicts.push(present === undefined ? "added" : present.ordinal >= firstOrdinal ? "duplicate" : "known");
    numbers.push((present ?? addItem(commit, batch, spec, isStopped)).number);
  }
  if (added > 0 && !isStopped) {
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
  return { ...NOTHING, batch: toBatchRow(state, batch), repeated: { ...counts } };
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
  requireSame(known, batch);
  return known;
}

function createBatch(state: MemoryState, spec: BatchSpec, now: number): MemoryBatch {
  requireNumber(state.nextBatch, "a store");
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
    ...emptyLists(),
  };
  placeBatch(state, batch);
  return batch;
}

function addItem(commit: Commit, batch: MemoryBatch, spec: ItemSpec, isStopped: boolean): MemoryItem {
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
    state: isStopped ? "cancelled" : "pending",
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
    endedAt: isStopped ? commit.now : null,
    past: [],
    place: 0,
  };
  batch.items.push(item);
  batch.byKey.set(spec.key, item);
  commit.touch(item).counts.add(item.state);
  placeItem(commit.state, item);
  return item;
}
