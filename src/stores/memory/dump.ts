import { ordinalOf } from "../../core/ids.ts";
import { invariant } from "../../core/invariant.ts";
import { DUMP_PAGE_ROWS, type DumpedBatch, type DumpedItem, type DumpedRow } from "../../ports/dump.ts";
import { byBytes } from "../by-bytes.ts";
import type { MemoryBatch, MemoryItem, MemoryState } from "./memory-state.ts";

/** `dump` of the port. */
export async function* dump(state: MemoryState): AsyncGenerator<readonly DumpedRow[]> {
  let page: DumpedRow[] = [];
  for (const row of rowsOf(state)) {
    page.push(row);
    if (page.length < DUMP_PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function* rowsOf(state: MemoryState): Generator<DumpedRow> {
  const { nextBatch, nextWorker, revision } = state;
  yield { kind: "head", nextBatch, nextWorker, revision };
  const queues = [...state.queues.values()].sort((a, b) => byBytes(a.name, b.name));
  for (const { name, control, concurrency } of queues) yield { kind: "queue", name, control, concurrency };
  for (const [work, text] of state.works) yield { kind: "work", work, state: text };
  for (const batch of [...state.batches.values()].sort((a, b) => a.number - b.number)) {
    yield toDumpedBatch(batch);
    yield* requestsOf(state, batch);
    const items = batch.items.filter((item) => item !== undefined);
    for (const item of items) yield toDumpedItem(item);
    for (const item of items) yield* attemptsOf(item);
    const { number } = batch;
    const removals = batch.removals.map(({ id, key, version }) => {
      return { kind: "removal" as const, batch: number, version, ordinal: ordinalOf(id) ?? 0, key };
    });
    yield* removals.sort((a, b) => a.version - b.version || a.ordinal - b.ordinal);
  }
}

function toDumpedBatch(batch: MemoryBatch): DumpedBatch {
  const { counts, queue, items, policy, stages } = batch;
  invariant(counts.processing === 0, `batch ${batch.id} is dumped while nobody works on it`);
  return {
    kind: "batch",
    number: batch.number,
    id: batch.id,
    owner: batch.owner,
    name: batch.name,
    queue: queue.name,
    pipeline: batch.pipeline,
    options: batch.options,
    policy: JSON.stringify(policy),
    stages: JSON.stringify(stages),
    priority: batch.priority,
    control: batch.control,
    isCancelled: batch.isCancelled,
    isSealed: batch.isSealed,
    epoch: batch.epoch,
    version: batch.version,
    resumableFrom: 0,
    nextOrdinal: items.length,
    total: counts.total,
    pending: counts.pending,
    completed: counts.completed,
    failed: counts.failed,
    cancelled: counts.cancelled,
    percentFloor: batch.percentFloor,
    work: batch.work,
    createdAt: batch.createdAt,
    startAt: batch.startAt,
    startedAt: batch.startedAt,
    endedAt: batch.endedAt,
    checkpointAt: batch.checkpointAt,
    learned: batch.learned,
  };
}

function* requestsOf(state: MemoryState, { owner, number, requests }: MemoryBatch): Generator<DumpedRow> {
  const keys = [...requests].map((name) => ({ name, key: name.slice(owner.length + 1) }));
  for (const { name, key } of keys.sort((a, b) => byBytes(a.key, b.key))) {
    const request = state.requests.get(name);
    if (request === undefined) continue;
    const { fingerprint, submission, isWhole, counts } = request;
    const { added, known, duplicate } = counts;
    yield { kind: "request", owner, key, batch: number, fingerprint, submission, isWhole, added, known, duplicate };
  }
}

function toDumpedItem(item: MemoryItem): DumpedItem {
  const { state, error } = item;
  invariant(state !== "processing" && item.worker === 0, `item ${item.id} is dumped while nobody holds it`);
  return {
    kind: "item",
    number: item.number,
    key: item.key,
    state,
    priority: item.priority,
    version: item.version,
    token: item.token,
    attempts: item.attempts,
    failures: item.tries,
    crashes: item.crashes,
    runAt: item.runAt,
    isHeld: item.isHeld,
    isSuspect: item.isSuspect,
    size: item.size,
    type: item.kind,
    startedAt: item.startedAt,
    endedAt: item.endedAt,
    input: item.input,
    output: item.output,
    saved: item.saved,
    error: error === null ? null : JSON.stringify(error),
  };
}

function* attemptsOf({ number, past }: MemoryItem): Generator<DumpedRow> {
  for (const { token, worker, startedAt, endedAt, outcome, error } of past) {
    invariant(endedAt !== null && outcome !== null, "an attempt of the past has ended");
    const text = error === null ? null : JSON.stringify(error);
    yield { kind: "attempt", item: number, token, worker, startedAt, endedAt, outcome, error: text };
  }
}
