import type { BatchRow } from "../../core/batch.ts";
import { type AttemptRow, type ItemRow, lastOutcomeOf } from "../../core/item.ts";
import type { Json } from "../../core/json.ts";
import { NO_PROGRESS } from "../../core/progress.ts";
import type { SessionSpec } from "../../ports/store.ts";
import { isLapsed, type MemoryBatch, type MemoryItem, type MemoryState } from "./memory-state.ts";

/** A copy of the batch as it is now: later changes do not show in it. */
export function toBatchRow(state: MemoryState, batch: MemoryBatch): BatchRow {
  let concurrency = 0;
  for (const worker of state.workers.values()) {
    if (isServing(worker.spec, batch) && !worker.isDraining && !isLapsed(state, worker))
      concurrency += worker.spec.concurrency;
  }
  return {
    number: batch.number,
    id: batch.id,
    owner: batch.owner,
    name: batch.name,
    queue: batch.queue.name,
    pipeline: batch.pipeline,
    options: toJson(batch.options),
    policy: { ...batch.policy },
    stages: batch.stages.map((stage) => ({ ...stage })),
    priority: batch.priority,
    control: batch.control,
    isCancelled: batch.isCancelled,
    isSealed: batch.isSealed,
    epoch: batch.epoch,
    version: batch.version,
    resumableFrom: 0,
    counts: { ...batch.counts },
    flight: batch.flight,
    percentFloor: batch.percentFloor,
    createdAt: batch.createdAt,
    startAt: batch.startAt,
    startedAt: batch.startedAt,
    endedAt: batch.endedAt,
    checkpointAt: batch.checkpointAt,
    work: batch.work,
    concurrency,
  };
}

/** Whether a session may claim of a batch. */
function isServing(spec: SessionSpec, batch: MemoryBatch): boolean {
  const { queues, pipelines, batch: only } = spec;
  if (only !== null && only !== batch.number) return false;
  if (pipelines !== null && !pipelines.includes(batch.pipeline)) return false;
  return queues.length === 0 || queues.includes(batch.queue.name);
}

/** A copy of the item as it is now. */
export function toItemRow(item: MemoryItem): ItemRow {
  return {
    number: item.number,
    id: item.id,
    batchId: item.batch.id,
    key: item.key,
    state: item.state,
    isHeld: item.isHeld,
    priority: item.priority,
    version: item.version,
    token: item.token,
    attempts: item.attempts,
    failures: item.tries,
    crashes: item.crashes,
    readyAt: item.runAt === 0 ? null : item.runAt,
    size: item.size,
    kind: item.kind,
    input: toJson(item.input),
    output: toJson(item.output),
    saved: toJson(item.saved),
    error: item.error === null ? null : { ...item.error },
    progress: item.progress === null ? NO_PROGRESS : { ...item.progress },
    fraction: item.fraction,
    startedAt: item.startedAt,
    endedAt: item.endedAt,
  };
}

/** The item's attempts, oldest first: those it has behind it, and the one its own record tells of. */
export function toAttemptRows(state: MemoryState, item: MemoryItem): readonly AttemptRow[] {
  const past = item.past.map((attempt) => ({ ...attempt }));
  if (item.startedAt === null) return past;
  const current: AttemptRow = {
    token: item.token,
    worker: state.workers.get(item.worker)?.spec.name ?? null,
    startedAt: item.startedAt,
    endedAt: item.endedAt,
    outcome: lastOutcomeOf(item),
    error: item.error,
  };
  return [...past, current];
}

function toJson(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}
