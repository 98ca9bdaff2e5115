import { BatchStatus } from "../core/batch.ts";
import { LIMITS } from "../core/limits.ts";
import {
  ANYTHING,
  DATE,
  FLAG,
  FUNCTION,
  LIST,
  listOf,
  MILLISECONDS,
  OBJECT,
  oneOf,
  type Rules,
  SIGNAL,
  TEXT,
  whole,
} from "../core/options.ts";
import type { Policy } from "../core/retry-policy.ts";
import { ItemState } from "../core/transitions.ts";
import type { AddOptions, ChangesQuery, ItemsQuery, RetryOptions, WatchOptions } from "./batch.ts";
import type { DrainOptions } from "./drain.ts";
import type { PipelineDefinition } from "./pipeline.ts";
import type { SubmitOptions } from "./submit.ts";
import type { WorkOptions } from "./worker.ts";

/*
 * What each public call of the engine takes. Types say the same to those who have them; these refuse what JavaScript would pass over in
 * silence. `ANYTHING` is checked where it is used, with more to say.
 */

/** Checked by `toPolicy`. */
const POLICY_RULES: Rules<Policy> = {
  attempts: ANYTHING,
  delayMs: ANYTHING,
  maxDelayMs: ANYTHING,
  timeoutMs: ANYTHING,
  crashBudget: ANYTHING,
  maxFailures: ANYTHING,
  maxFailureRatio: ANYTHING,
  onFailureBudget: ANYTHING,
};

export const PIPELINE_RULES: Rules<PipelineDefinition> = {
  ...POLICY_RULES,
  name: ANYTHING,
  handler: ANYTHING,
  module: ANYTHING,
  threadMemoryMb: whole(1, LIMITS.threadMemoryMb),
  discard: FUNCTION,
  stages: LIST,
  alike: FUNCTION,
  queue: TEXT,
};

export const ADD_RULES: Rules<AddOptions> = { seal: FLAG, request: OBJECT, onVerdict: FUNCTION };

export const SUBMIT_RULES: Rules<SubmitOptions> = {
  ...POLICY_RULES,
  ...ADD_RULES,
  pipeline: ANYTHING,
  items: ANYTHING,
  id: ANYTHING,
  name: ANYTHING,
  owner: ANYTHING,
  queue: ANYTHING,
  options: ANYTHING,
  priority: ANYTHING,
  startAt: ANYTHING,
};

/** Checked again, with their defaults, by the worker that starts. */
export const WORK_RULES: Rules<WorkOptions> = {
  concurrency: ANYTHING,
  queues: listOf(TEXT),
  batch: {
    expected: "a batch, as milepost.batch(id) gives it",
    allows: (value) => value instanceof Object && "number" in value,
  },
  leaseMs: ANYTHING,
  abortGraceMs: ANYTHING,
};

/** How a caller tracks work of its own. */
export interface TrackOptions {
  /** As `WorkOptions.leaseMs`. */
  readonly leaseMs?: number;
}

export const TRACK_RULES: Rules<TrackOptions> = { leaseMs: whole(LIMITS.leaseMinMs, LIMITS.leaseMaxMs) };

/** Whose batches are meant. */
export interface BatchOptions {
  /** What belongs to anybody else is not there. Default: of names those of batches without an owner, of ids all. */
  readonly owner?: string;
}

export const BATCH_RULES: Rules<BatchOptions> = { owner: TEXT };

/** Which batches are meant; each condition that is given must hold. */
export interface BatchesFilter {
  readonly owner?: string;
  readonly queue?: string;
  readonly isEnded?: boolean;
  /** Ended at this time or later. */
  readonly endedSince?: Date;
  readonly statuses?: readonly BatchStatus[];
}

/** Which batches are read, and how many. */
export interface BatchesQuery extends BatchesFilter {
  /** The `nextCursor` of the page before. */
  readonly after?: string;
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** False leaves out the estimates, each of which costs a read. Default true. */
  readonly withEstimates?: boolean;
}

export const FILTER_RULES: Rules<BatchesFilter> = {
  owner: TEXT,
  queue: TEXT,
  isEnded: FLAG,
  endedSince: DATE,
  statuses: listOf(oneOf(Object.values(BatchStatus))),
};

export const BATCHES_RULES: Rules<BatchesQuery> = {
  ...FILTER_RULES,
  after: TEXT,
  limit: whole(1, LIMITS.pageItems),
  withEstimates: FLAG,
};

export const ITEMS_RULES: Rules<ItemsQuery> = {
  state: oneOf(Object.values(ItemState)),
  stage: TEXT,
  errorMessage: TEXT,
  search: TEXT,
  from: whole(0, LIMITS.itemsPerBatch),
  order: oneOf(["oldest", "newest"]),
  withSaved: FLAG,
  after: TEXT,
  limit: whole(1, LIMITS.pageItems),
};

export const CHANGES_RULES: Rules<ChangesQuery> = {
  since: whole(0, Number.MAX_SAFE_INTEGER),
  limit: whole(1, LIMITS.pageItems),
};

export const WATCH_RULES: Rules<WatchOptions> = { everyMs: MILLISECONDS, signal: SIGNAL };

export const RETRY_RULES: Rules<RetryOptions> = { failed: FLAG, error: TEXT };

/**
 * Which ended batches are deleted. With both rules, only a batch that breaks both; with none, nothing. The others narrow
 * it down.
 */
export interface RetentionOptions {
  /** Delete batches that ended longer ago than this. */
  readonly olderThanMs?: number;
  /** Keep at least this many of the newest ended batches. */
  readonly keep?: number;
  readonly queue?: string;
  readonly owner?: string;
  /** Only of owners whose names begin with this. */
  readonly ownerPrefix?: string;
}

/** A misspelt bound would delete more than was meant. */
export const RETENTION_RULES: Rules<RetentionOptions> = {
  olderThanMs: MILLISECONDS,
  keep: whole(0, Number.MAX_SAFE_INTEGER),
  queue: TEXT,
  owner: TEXT,
  ownerPrefix: TEXT,
};

/** How the engine is closed. */
export interface CloseOptions {
  /** How long what runs may take to end before it is aborted, in milliseconds. Default 0. */
  readonly graceMs?: number;
}

export const CLOSE_RULES: Rules<CloseOptions> = { graceMs: MILLISECONDS };

export const DRAIN_RULES: Rules<DrainOptions> = { untilLeft: FLAG, waitMs: MILLISECONDS, signal: SIGNAL };
