import { itemIdFrom, splitItemNumber } from "../../core/ids.ts";
import { invariant, unreachable } from "../../core/invariant.ts";
import type { Stage } from "../../core/progress.ts";
import type { Policy } from "../../core/retry-policy.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DumpedBatch, DumpedItem, DumpedRow, Restore } from "../../ports/dump.ts";
import { toError } from "../codes.ts";
import {
  createState,
  emptyLists,
  itemNumbered,
  type MemoryBatch,
  type MemoryItem,
  type MemoryState,
  nameKey,
  placeBatch,
  placeItem,
  queueNamed,
} from "./memory-state.ts";
import { memoryStoreOf } from "./memory-store.ts";

/** A store in memory that is made of a dump: for tests and trials. Publishing and discarding are nothing here. */
export function openMemoryRestore(options: { readonly clock: Clock }): Restore {
  const state = createState(options.clock);
  return {
    async write(rows) {
      for (const row of rows) put(state, row);
    },
    open: async () => memoryStoreOf(state),
    publish: async () => {},
    discard: async () => {},
  };
}

function put(state: MemoryState, row: DumpedRow): void {
  switch (row.kind) {
    case "head":
      state.nextBatch = row.nextBatch;
      state.nextWorker = row.nextWorker;
      state.revision = row.revision;
      return;
    case "queue":
      Object.assign(queueNamed(state, row.name), { control: row.control, concurrency: row.concurrency });
      return;
    case "work":
      state.works.set(row.work, row.state);
      return;
    case "batch":
      putBatch(state, row);
      return;
    case "request": {
      const { owner, key, fingerprint, submission, isWhole, added, known, duplicate } = row;
      const batch = batchNumbered(state, row.batch);
      const name = nameKey(owner, key);
      state.requests.set(name, { batch, fingerprint, submission, isWhole, counts: { added, known, duplicate } });
      batch.requests.add(name);
      return;
    }
    case "item":
      putItem(state, row);
      return;
    case "attempt": {
      const { item, token, worker, startedAt, endedAt, outcome, error } = row;
      const attempt = { token, worker, startedAt, endedAt, outcome, error: toError(error) };
      itemNumbered(state, item)?.past.push(attempt);
      return;
    }
    case "removal": {
      const { batch: number, version, ordinal, key } = row;
      const batch = batchNumbered(state, number);
      batch.removals.push({ id: itemIdFrom(batch.id, ordinal), key, version });
      return;
    }
    default:
      unreachable(row);
  }
}

function putBatch(state: MemoryState, row: DumpedBatch): void {
  const { kind: _kind, queue: name, policy, stages, total, pending, completed, failed, cancelled, ...facts } = row;
  const { nextOrdinal, resumableFrom: _resumableFrom, ...given } = facts;
  const queue = queueNamed(state, name);
  const batch: MemoryBatch = {
    ...given,
    queue,
    policy: JSON.parse(policy) as Policy,
    stages: JSON.parse(stages) as readonly Stage[],
    counts: { total, pending, processing: 0, completed, failed, cancelled },
    flight: 0,
    items: Array.from<MemoryItem | undefined>({ length: nextOrdinal }),
    ...emptyLists(),
  };
  placeBatch(state, batch);
}

function putItem(state: MemoryState, row: DumpedItem): void {
  const { kind: _kind, type, failures, error, ...given } = row;
  const { batch: number, ordinal } = splitItemNumber(row.number);
  const batch = batchNumbered(state, number);
  const item: MemoryItem = {
    ...given,
    ordinal,
    id: itemIdFrom(batch.id, ordinal),
    batch,
    kind: type,
    tries: failures,
    error: toError(error),
    worker: 0,
    progress: null,
    fraction: 0,
    past: [],
    place: 0,
  };
  batch.items[ordinal] = item;
  batch.byKey.set(item.key, item);
  if (item.isHeld) batch.held.add(item);
  // The feed is in order of versions.
  const at = batch.feed.findLastIndex((entry) => entry.version <= item.version);
  batch.feed.splice(at + 1, 0, { version: item.version, item });
  placeItem(state, item);
}

function batchNumbered(state: MemoryState, number: number): MemoryBatch {
  const batch = state.batches.get(number);
  invariant(batch !== undefined, `what belongs to batch ${number} is dumped after it`);
  return batch;
}
