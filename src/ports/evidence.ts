import type { BatchRow } from "../core/batch.ts";
import type { ItemRow } from "../core/item.ts";
import type { Control } from "../core/queue.ts";

/** What estimates are made of; the texts mean nothing to the store. At most `LIMITS.learnedBytes` each. */
export interface LearnedTexts {
  /** Goes with its batch. */
  readonly batch: string | null;
  /** Of all batches of the same `work`, at most `LIMITS.works` of them: the ones changed last. */
  readonly work: string | null;
}

export interface Learned extends LearnedTexts {
  readonly epoch: number;
  readonly isEnded: boolean;
}

export interface Evidence {
  readonly row: BatchRow;
  readonly learned: LearnedTexts;
  /** Items that run, at most `LIMITS.evidenceItems`. `fraction` in millionths. */
  readonly running: readonly Pick<ItemRow, "number" | "kind" | "size" | "fraction" | "startedAt">[];
  /** Those of `running` that a caller runs himself and only tracks. */
  readonly tracked: number;
  /** Pending items on hold, at most `LIMITS.controlChunkItems`. */
  readonly held: number;
  /** When the last of the back-offs is over; null if nothing waits for a time. */
  readonly readyAt: number | null;
  readonly queueControl: Control;
  /** Items that all workers together may hold of the queue; null for no limit. */
  readonly queueConcurrency: number | null;
  /** Handlers that may run at once over all live workers that serve this batch alone; they count in the row's too. */
  readonly dedicated: number;
  /** The first of the queue's batches in the order of claims that have something to claim, at most `LIMITS.rivals`, itself left out. */
  readonly rivals: readonly Pick<BatchRow, "number" | "priority">[];
}
