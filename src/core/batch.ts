import type { Answer, Estimate, NoEstimateReason } from "./answer.ts";
import { type Counts, processedOf } from "./counts.ts";
import type { Range } from "./estimator/estimate.ts";
import type { Json } from "./json.ts";
import { percentOf, type Stage } from "./progress.ts";
import type { Control } from "./queue.ts";
import type { Policy } from "./retry-policy.ts";

/**
 * How a batch stands. It ends once it is sealed and all its items are terminal: `failed` if all failed, `cancelled` if all
 * were or the batch was, else `completed`.
 */
export const BatchStatus = {
  PENDING: "pending",
  PROCESSING: "processing",
  PAUSED: "paused",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
} as const;
export type BatchStatus = (typeof BatchStatus)[keyof typeof BatchStatus];

/**
 * Of a completed batch: `partial` if any item failed or was cancelled. Null until it has ended, and where all failed or
 * were cancelled.
 */
export type BatchOutcome = "success" | "partial" | null;

/** A batch as a store keeps it. Times in milliseconds since 1970, sums of fractions in millionths. */
export interface BatchRow {
  readonly number: number;
  readonly id: string;
  readonly owner: string;
  readonly name: string | null;
  readonly queue: string;
  readonly pipeline: string;
  readonly options: Json;
  readonly policy: Policy;
  readonly stages: readonly Stage[];
  readonly priority: number;
  readonly control: Control;
  /** True once a cancel of the whole batch was recorded; cleared by retry and by new items. */
  readonly isCancelled: boolean;
  readonly isSealed: boolean;
  /** Rises each time a sealed or finished batch is opened again. */
  readonly epoch: number;
  /** Rises by one with every commit that changed the batch or one of its items. */
  readonly version: number;
  /** The lowest version a reader of changes can still resume from. */
  readonly resumableFrom: number;
  readonly counts: Counts;
  readonly flight: number;
  readonly percentFloor: number;
  readonly createdAt: number;
  readonly startAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly checkpointAt: number | null;
  /** Batches of the same work are alike. */
  readonly work: string;
  /** Handlers that may run at once over all live workers that serve the batch. */
  readonly concurrency: number;
}

/** Why an open question stays open. */
export interface NoEstimate {
  readonly reason: NoEstimateReason;
  /** What would be left once a paused batch is resumed, in seconds; null if that is not known either. */
  readonly afterResume: Range | null;
}

/** A batch at one moment, as of a commit. It never changes: ask again for a later one. */
export interface BatchSnapshot {
  /** A UUIDv7. */
  readonly id: string;
  /** Empty: the operator's, and of whoever uses the library or the command line. */
  readonly owner: string;
  /** Unique for its owner. */
  readonly name: string | null;
  readonly queue: string;
  readonly pipeline: string;
  readonly options: Json;
  readonly status: BatchStatus;
  readonly outcome: BatchOutcome;
  /** False while more items may be added; only a sealed batch ends. */
  readonly isSealed: boolean;
  /** From 1 on: one more each time it is opened again, by new items or a retry. */
  readonly epoch: number;
  /** Rises with each commit that changed it: the cursor of `changes`. */
  readonly version: number;
  /** Among the batches of its queue; lower runs sooner. */
  readonly priority: number;
  readonly counts: Counts;
  /** completed + failed + cancelled. */
  readonly processed: number;
  /** 0 to 100, or null while it cannot be known. 100 only when the batch has ended. */
  readonly percent: number | null;
  /** Time left with its 80 % range; null once the batch has ended, and where `noEstimate` says why. */
  readonly estimate: Estimate | null;
  /** Seconds: the estimate's median. */
  readonly estimatedTimeRemaining: number | null;
  readonly noEstimate: NoEstimate | null;
  readonly createdAt: Date;
  /** Nothing of it starts before. */
  readonly startAt: Date | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

type StatusFacts = Pick<BatchRow, "counts" | "control" | "isCancelled" | "startedAt" | "endedAt">;

/** The one rule that names a batch's state (spec: a sealed batch ends when all its items are terminal). */
export function statusOf(batch: StatusFacts): BatchStatus {
  const { counts } = batch;
  if (batch.endedAt === null) {
    if (batch.control !== "run") return "paused";
    return batch.startedAt === null ? "pending" : "processing";
  }
  if (batch.isCancelled || (counts.total > 0 && counts.cancelled === counts.total)) return "cancelled";
  return counts.total > 0 && counts.failed === counts.total ? "failed" : "completed";
}

export function outcomeOf(batch: StatusFacts): BatchOutcome {
  if (statusOf(batch) !== "completed") return null;
  return batch.counts.completed === batch.counts.total ? "success" : "partial";
}

/** True when a batch must end now: sealed, not ended yet, every item terminal. */
export function mustEnd(batch: Pick<BatchRow, "isSealed" | "endedAt" | "counts">): boolean {
  return batch.isSealed && batch.endedAt === null && processedOf(batch.counts) === batch.counts.total;
}

/** @param answer the estimate, or why there is none; null where it was not asked for, or the batch has ended */
export function toBatchSnapshot(row: BatchRow, answer: Answer | null): BatchSnapshot {
  const processed = processedOf(row.counts);
  const status = statusOf(row);
  const percent = percentOf({
    processed,
    flight: row.flight,
    total: row.counts.total,
    isTerminal: row.endedAt !== null,
    isSealed: row.isSealed,
    floor: row.percentFloor,
  });
  const estimate = answer?.estimate ?? null;
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    queue: row.queue,
    pipeline: row.pipeline,
    options: row.options,
    status,
    outcome: outcomeOf(row),
    isSealed: row.isSealed,
    epoch: row.epoch,
    version: row.version,
    priority: row.priority,
    counts: row.counts,
    processed,
    percent,
    estimate,
    estimatedTimeRemaining: estimate?.median ?? null,
    noEstimate:
      answer === null || answer.reason === null ? null : { reason: answer.reason, afterResume: answer.afterResume },
    createdAt: new Date(row.createdAt),
    startAt: toDate(row.startAt),
    startedAt: toDate(row.startedAt),
    endedAt: toDate(row.endedAt),
  };
}

export function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}
