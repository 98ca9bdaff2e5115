import type { BatchRow } from "../core/batch.ts";
import type { Json } from "../core/json.ts";
import type { Stage } from "../core/progress.ts";
import type { VerdictCounts, VerdictKind } from "../core/request.ts";
import type { Policy } from "../core/retry-policy.ts";

export interface BatchSpec {
  readonly id: string;
  readonly owner: string;
  readonly name: string | null;
  readonly queue: string;
  readonly pipeline: string;
  readonly options: Json;
  readonly policy: Policy;
  readonly stages: readonly Stage[];
  readonly priority: number;
  readonly startAt: number | null;
  /** Batches of the same work are alike: what one teaches of its duration is expected of the next. */
  readonly work: string;
}

export interface ItemSpec {
  readonly key: string;
  /** JSON text, checked; null for none. */
  readonly input: string | null;
  readonly size: number | null;
  readonly kind: string | null;
  readonly priority: number;
}

export interface Submission {
  /** The batch to create or find by (owner, name), or the number of a known one. */
  readonly batch: BatchSpec | number;
  readonly items: readonly ItemSpec[];
  readonly seal: boolean;
  /** The last chunk of its submission: it and those before it are durable when it resolves, sealed or not. Default: as `seal`. */
  readonly isDurable?: boolean;
  readonly now: number;
  /**
   * Given where a submission goes on: items with this ordinal or a later one came in with it, so a repeated key is
   * `duplicate`, else `known`. It undoes no cancel: what it adds to a batch that was cancelled is cancelled at once.
   */
  readonly firstOrdinal?: number;
  /** Given with each chunk of a submission whose caller may ask for it again. */
  readonly request?: SubmissionRequest;
}

/**
 * A submission that its caller names, so that it is carried out once however often it is asked for. Kept as long as its batch.
 *
 * Of an owner's key that is known, the same fingerprint and whole: answered as the first time, and nothing is written. Not
 * whole yet: refused (`CONFLICT`, `details.reason` "in-flight"), but for the very submission that is under way, which goes on.
 * Another fingerprint: refused ("other-request").
 */
export interface SubmissionRequest {
  readonly key: string;
  /** Tells one request from another under the same key. */
  readonly fingerprint: string;
  /** Tells this submission from another of the same request. */
  readonly id: string;
  /** `whole`: this is the last chunk. `given-up`: the submission failed half-way, and may be made anew. */
  readonly state: "going" | "whole" | "given-up";
}

export interface Submitted {
  /** Null: the batch was given by a number that is not there any more. */
  readonly batch: BatchRow | null;
  readonly isNew: boolean;
  /** One for each item, in order. */
  readonly verdicts: readonly VerdictKind[];
  /** The number of each item, in order, whatever its verdict. */
  readonly items: readonly number[];
  readonly firstOrdinal: number;
  /** What the whole submission counted when it was made; null unless this is the repeat of one. */
  readonly repeated: VerdictCounts | null;
}
