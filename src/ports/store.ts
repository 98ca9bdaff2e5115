import type { BatchRow, BatchStatus } from "../core/batch.ts";
import type { ItemError } from "../core/errors.ts";
import type { AttemptRow, ItemRow } from "../core/item.ts";
import type { Refusal } from "../core/machine.ts";
import type { ItemProgress } from "../core/progress.ts";
import type { Control, QueueSnapshot } from "../core/queue.ts";
import type { ItemState } from "../core/transitions.ts";
import type { Amended, Amendment } from "./amendment.ts";
import type { DumpedRow } from "./dump.ts";
import type { Evidence, Learned, LearnedTexts } from "./evidence.ts";
import type { ProcessIdentity } from "./host.ts";
import type { Pulse, PulseLease } from "./pulse.ts";
import type { Reading } from "./reading.ts";
import type { Submission, Submitted } from "./submission.ts";

export type { BatchSpec, ItemSpec, Submission, SubmissionRequest, Submitted } from "./submission.ts";

/**
 * Where batches live. Each method is one atomic domain transition or one read; what a transition changes (items, counters,
 * version, end of the batch) is committed together or not at all.
 *
 * Numbers (`batch`, `item`, `worker`) are the store's own and short; ids are for the world outside. Times given as `now`
 * are wall time in milliseconds. Every method may throw `STORE_*` errors; where `retryable`, the same call may be made
 * again. It may have taken effect all the same, only its answer lost: a repeated report of a lease changes nothing.
 */
export interface Store {
  /** For people: the file's path, `memory:`, the server without its password. */
  readonly location: string;
  /** The same from wherever the store is reached, by whatever name of its server; default: the location. */
  readonly identity?: string;

  // Sessions of workers. Items point to the session that holds them; renewing costs one row per worker.
  openSession(session: SessionSpec): Promise<number>;
  /** Renews the session. False: it was reaped, and with it every lease it had. */
  beat(worker: number): Promise<boolean>;
  /** Where the store can beat from a thread of its own, so that a busy event loop is not taken for death. */
  readonly pulse?: (worker: number, lease: PulseLease, onLost: () => void) => Pulse;
  /**
   * What the operator wants of a worker's items now, and whether their order changed (a new revision). `confirmed` records
   * up to which revision the worker has acted; where that is the current one, `held` is left empty.
   */
  orders(worker: number, confirmed: number | null): Promise<Orders>;
  /** Ends a session: what it still holds goes back to pending, without a crash. */
  closeSession(worker: number, now: number): Promise<void>;
  /** Ends every session whose lease lapsed or that `isDead` and returns how many; items that had started count a crash. */
  reap(now: number, isDead: (session: ProcessIdentity) => boolean): Promise<number>;

  /**
   * Creates the batch, or finds it by owner and name, and adds items to it; known keys keep their state. New items reopen
   * a sealed batch as a new epoch. `seal` closes it in the same commit; it and `isDurable` make all of the submission durable
   * (fsync) before it resolves; others may see and claim it sooner. A crash loses no chunk before one that stays.
   * A known id with the same owner, name and pipeline is the same batch. See `SubmissionRequest` for submissions that are made again.
   *
   * @throws {MilepostError} `CONFLICT` for the id of another batch, and for a request that is under way or was another one
   */
  submit(submission: Submission): Promise<Submitted>;

  /**
   * Claims up to `limit` ready items for one worker: by batch priority, then age of the batch; inside a batch by priority,
   * then age. Every fourth claimed item comes from a younger batch of equal priority, so that a huge batch starves nobody.
   * Nothing of a paused queue or batch is claimed, and nothing by a worker that is draining. It never waits. A claimed item is still pending until it is started.
   */
  claim(request: ClaimRequest): Promise<Claimed>;
  /** Records reports in one commit. Each answers for itself; a refused one changes nothing and hinders no other. */
  record(reports: readonly Report[], now: number): Promise<readonly ReportResult[]>;
  /** Reads an item and records what is made of it, in one transaction. */
  amend(amendment: Amendment): Promise<Amended>;

  /** Carries out an operator's command, durably. Cancelling a batch also seals it. Large ones come in bounded steps: call again while `more`. */
  control(command: ControlCommand, now: number): Promise<ControlResult>;

  queues(): Promise<readonly QueueSnapshot[]>;
  sessions(): Promise<readonly SessionRow[]>;
  /** One of them; null once it has ended. */
  session(worker: number): Promise<SessionRow | null>;
  batches(query: BatchQuery): Promise<readonly BatchRow[]>;
  /** How many there are; without a filter cheap enough to be asked again each second. */
  countBatches(filter: BatchFilter): Promise<number>;
  /** O(1) at any size. */
  batch(ref: BatchRef): Promise<BatchRow | null>;
  /** The version of each of these batches by its id, null: of all that have not ended; without those that are not there and, with an `owner`, those of others. One read. */
  versions(ids: readonly string[] | null, owner?: string): Promise<ReadonlyMap<string, number>>;
  items(query: ItemQuery): Promise<readonly ItemRow[]>;
  item(ref: ItemRef): Promise<ItemDetail | null>;
  /**
   * What changed in a batch after version `since`: the latest state of each changed item, once, and removals. What it tells
   * survives a crash of the server that keeps the store: nobody's cursor is ahead of the store.
   */
  changes(batch: number, since: number, limit: number): Promise<Changes>;
  /** Failed items grouped by message, and running items by stage. */
  breakdown(batch: number): Promise<Breakdown>;

  /**
   * Changes what is kept of a batch for its estimate, and what is kept of its kind of work, in one transaction: `change` gets
   * the texts that are there and gives those that shall be. It may be called more than once. The batch's version stays.
   * False: there is no such batch.
   */
  learn(batch: number, change: (known: Learned) => LearnedTexts): Promise<boolean>;
  /** What is kept of a kind of work; null: nothing. */
  history(work: string): Promise<string | null>;
  /** All that a batch's estimate is made of; null: there is no such batch. Bounded, whatever the size of the batch. */
  evidence(batch: number): Promise<Evidence | null>;

  /** Deletes ended batches that fell out of `retention`, with all they have, and returns their ids. At most `limit` a call. */
  prune(retention: Retention, now: number): Promise<readonly string[]>;
  /** Recounts everything and compares; with `repair`, mends in the same transaction. */
  verify(options: { readonly repair: boolean }): Promise<readonly Finding[]>;
  /** What its operator should know of its condition. Changes nothing. Absent where there is nothing to know. */
  readonly diagnose?: () => Promise<readonly Reading[]>;
  /**
   * All that the store keeps, page by page, in the order of dump.ts; each page is a read of its own. Whoever copies makes sure that
   * nobody works on the store, and dumps twice to find out whether it changed meanwhile.
   */
  readonly dump?: () => AsyncIterable<readonly DumpedRow[]>;
  /** After it returns, a power cut loses nothing that was recorded before. Stamps the batch, if one is given. */
  checkpoint(batch: number | null, now: number): Promise<void>;
  /**
   * Calls `listener` after commits, of this process and of others: a hint that may come late, twice or for nothing.
   * `mayHaveEnded` is false where no batch has ended or gone with them.
   */
  subscribe(listener: (mayHaveEnded: boolean) => void): () => void;
  close(): Promise<void>;
}

export interface SessionSpec extends ProcessIdentity {
  /** For people: `host:pid`. */
  readonly name: string;
  /** The queues it serves; empty for all. */
  readonly queues: readonly string[];
  /** Only this batch; null for all. */
  readonly batch: number | null;
  /** Only batches of these pipelines; null for all. */
  readonly pipelines: readonly string[] | null;
  /** Handlers it runs at once; 0 for a session that only tracks. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly now: number;
}

export interface SessionRow extends ProcessIdentity {
  readonly number: number;
  readonly name: string;
  readonly queues: readonly string[];
  readonly batch: number | null;
  readonly pipelines: readonly string[] | null;
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly openedAt: number;
  /** Milliseconds since its last beat. */
  readonly silentMs: number;
  /** Revision of orders it has acted on. */
  readonly confirmed: number;
  readonly held: number;
  /** It was told to claim nothing more and to leave once what it holds has ended. For good: the store gives it nothing any more. */
  readonly isDraining: boolean;
}

export interface Orders {
  /** How much longer the session's lease lasts without another beat, in milliseconds; 0: it is over, or the session is gone. */
  readonly leftMs: number;
  /** Rises with every command that a worker must act on. */
  readonly revision: number;
  /** Whether the worker is to leave once what it runs has ended; false for a session that is gone. */
  readonly isDraining: boolean;
  /** Everything the worker still holds, unless it has confirmed this revision. A lease it knows and that is not here is lost: cancelled, removed or taken away. */
  readonly held: readonly { readonly item: number; readonly token: number; readonly control: Control }[];
}

export interface ClaimRequest {
  readonly worker: number;
  /** Only these queues; empty for all. */
  readonly queues: readonly string[];
  /** Only batches of these pipelines; null for all. */
  readonly pipelines: readonly string[] | null;
  /** Only this batch. */
  readonly batch?: number;
  readonly limit: number;
  readonly now: number;
  /** Rises with each claim of the worker; spreads the share of younger batches over all of them. */
  readonly turn: number;
  /** Only these items, in this order (a caller who tracks work of its own). */
  readonly only?: readonly number[];
}

/** The right to run one item once. */
export interface Lease {
  readonly item: number;
  readonly token: number;
  readonly worker: number;
  readonly batch: number;
  readonly id: string;
  readonly key: string;
  /** JSON text. */
  readonly input: string | null;
  readonly size: number | null;
  readonly kind: string | null;
  /** JSON text that an earlier attempt saved. */
  readonly saved: string | null;
  /** 1 for the first attempt of its life. */
  readonly attempt: number;
  /** Failed attempts since submission or the last explicit retry. */
  readonly failures: number;
  readonly crashes: number;
  /** A worker died that may have been running it, since it last ended: its start must be recorded before it runs. */
  readonly isSuspect: boolean;
}

export interface Claimed {
  readonly leases: readonly Lease[];
  /** When something not yet ready will be (back-off, scheduled start); null if nothing waits for time. */
  readonly nextAt: number | null;
}

export type Report = {
  readonly item: number;
  /** Null for a caller who holds no lease: accepted only for `complete` and `fail` of an item nobody holds. */
  readonly lease: { readonly token: number; readonly worker: number } | null;
} & ReportBody;

export type ReportBody =
  | { readonly type: "start"; readonly startedAt: number }
  | {
      readonly type: "progress";
      readonly startedAt: number;
      readonly progress: ItemProgress;
      /** How far the attempt is; one that was said to be further stays so, for reports may overtake each other. */
      readonly fraction: number;
      /** True for who says how far it is whatever was said before. */
      readonly mayGoBack?: boolean;
      readonly saved?: string;
    }
  | {
      readonly type: "complete";
      readonly startedAt: number;
      /** When the handler ended; default: when the report is recorded. */
      readonly endedAt?: number;
      readonly output: string | null;
    }
  | {
      readonly type: "fail";
      readonly startedAt: number;
      readonly endedAt?: number;
      readonly error: ItemError;
      readonly retryAt: number | null;
      readonly saved?: string;
    }
  | {
      readonly type: "release";
      readonly startedAt: number | null;
      readonly saved?: string;
      /** The attempt's thread or process died under it: counts a crash and may end the item as poison. */
      readonly isCrash?: boolean;
    };

export type ReportResult = { readonly ok: true } | { readonly ok: false; readonly reason: Refusal };

export type ControlTarget = { readonly queue: string } | { readonly batch: number } | { readonly item: number };

export type ControlCommand =
  | {
      readonly type: "pause" | "resume" | "stop";
      readonly target: { readonly queue: string } | { readonly batch: number };
    }
  | { readonly type: "cancel"; readonly target: ControlTarget }
  /** `endedBy`: an item or a batch only if it has ended by then. */
  | { readonly type: "remove"; readonly target: ControlTarget; readonly endedBy?: number }
  /** Deletes what is pending, claimed or not: an item, or all such items of a batch. What has started or ended stays. */
  | { readonly type: "clear"; readonly target: { readonly batch: number } | { readonly item: number } }
  | {
      readonly type: "retry";
      readonly target: { readonly batch: number } | { readonly item: number };
      readonly failedOnly: boolean;
      /** Of a batch: only failed items with exactly this message. */
      readonly errorMessage?: string;
    }
  | { readonly type: "hold" | "unhold"; readonly target: { readonly item: number } }
  | {
      readonly type: "priority";
      readonly target: { readonly batch: number } | { readonly item: number };
      readonly priority: number;
    }
  | { readonly type: "concurrency"; readonly target: { readonly queue: string }; readonly concurrency: number | null }
  /** Of a session's number. A session that only tracks is refused: the work is its caller's, who is not told. */
  | { readonly type: "drain"; readonly target: { readonly worker: number } };

export type ControlResult =
  | {
      readonly ok: true;
      /** Items whose state changed, or 1 for a queue, batch or worker whose control changed; 0: it was so already. */
      readonly changed: number;
      readonly more: boolean;
      /** Revision of orders that workers must confirm before the command is fully acknowledged. */
      readonly revision: number;
    }
  | { readonly ok: false; readonly reason: Refusal; readonly state?: ItemState };

/** With an `owner`, a batch of somebody else is not found. A number has none: it is only ever got from a row that was read so. */
export type BatchRef =
  | { readonly number: number }
  | { readonly id: string; readonly owner?: string }
  | { readonly owner: string; readonly name: string }
  | { readonly itemId: string; readonly owner?: string };

export interface BatchFilter {
  readonly owner?: string;
  readonly queue?: string;
  /** Ended or not; both if absent. */
  readonly isEnded?: boolean;
  /** Ended at this time or later. */
  readonly endedSince?: number;
  readonly statuses?: readonly BatchStatus[];
}

export interface BatchQuery extends BatchFilter {
  /** Only batches older than this number: pages go from the newest down. */
  readonly before?: number;
  readonly limit: number;
}

export interface ItemQuery {
  readonly batch: number;
  readonly state?: ItemState;
  readonly stage?: string;
  /** Only failed items with exactly this message. */
  readonly errorMessage?: string;
  /** Only items whose key, or the `filename` of whose input, has this text in it; the case of ASCII letters makes no difference. */
  readonly search?: string;
  /** Only items up to this number: what a search looks at, whatever it finds. */
  readonly until?: number;
  /** Only items after this number: pages go in order of submission, or from the newest down. */
  readonly after?: number;
  readonly isNewestFirst?: boolean;
  readonly limit: number;
}

export type ItemRef =
  | { readonly number: number }
  | { readonly batch: number; readonly key: string }
  /** In the newest batch of the queue, and of the owner, if one is given, that has it. */
  | { readonly queue: string; readonly key: string; readonly owner?: string };

export interface ItemDetail {
  readonly item: ItemRow;
  /** Oldest first, the current one last. */
  readonly attempts: readonly AttemptRow[];
}

/** What the feed keeps of an item that was removed. */
export interface Removal {
  readonly id: string;
  readonly key: string;
  readonly version: number;
}

export interface Changes {
  /** False: `since` is older than what is kept, or in the future. Read a snapshot and start again from its version. */
  readonly isResumable: boolean;
  readonly items: readonly ItemRow[];
  readonly removals: readonly Removal[];
  /** Everything up to this version is in here; pass it as the next `since`. */
  readonly version: number;
  readonly hasMore: boolean;
}

export interface Breakdown {
  readonly failures: readonly FailureGroup[];
  readonly stages: readonly { readonly stage: string; readonly items: number }[];
}

export interface FailureGroup {
  readonly message: string;
  readonly code: string | null;
  readonly items: number;
  /** Id and key of one of them. */
  readonly example: { readonly id: string; readonly key: string };
}

/** What to delete. Given both rules, a batch goes only if it breaks both; given one, that one counts; given none, nothing goes. */
export interface Retention {
  /** Ended longer ago than this. */
  readonly olderThanMs: number | null;
  /** All but this many of the newest ended ones, which are always kept. */
  readonly keep: number | null;
  readonly queue?: string;
  readonly owner?: string;
  /** Only of owners whose names begin with this. */
  readonly ownerPrefix?: string;
  readonly limit: number;
}

/** One thing that `verify` found wrong. */
export interface Finding {
  readonly batchId: string | null;
  readonly what: string;
  readonly expected: string;
  readonly found: string;
  readonly isRepaired: boolean;
}
