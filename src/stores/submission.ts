import { MilepostError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { takenId } from "../core/request.ts";
import type { BatchSpec, Submission, Submitted } from "../ports/store.ts";

/** The answer where nothing was submitted. */
export const NOTHING: Submitted = {
  batch: null,
  isNew: false,
  verdicts: [],
  items: [],
  firstOrdinal: 0,
  repeated: null,
};

/** What a submission changes of its batch. */
export interface SubmittedBatch {
  isCancelled: boolean;
  isSealed: boolean;
}

/** @throws {MilepostError} `INVALID_ARGUMENT` if a batch with so many items cannot take so many more */
export function requireRoom(present: number, more: number): void {
  if (present + more <= LIMITS.itemsPerBatch) return;
  throw new MilepostError("INVALID_ARGUMENT", `a batch holds at most ${LIMITS.itemsPerBatch} items`);
}

/** Batches are numbered for ever: a number is never given twice. @throws {MilepostError} `STORE_FULL` */
export function requireNumber(number: number, store: string): void {
  if (number < LIMITS.batchesPerStore) return;
  throw new MilepostError(
    "STORE_FULL",
    `${store} holds at most ${LIMITS.batchesPerStore - 1} batches over its whole life, deleted ones included. Begin a new one.`,
  );
}

/** An id is given once: who submits by it must mean the batch that has it. @throws {MilepostError} `CONFLICT` */
export function requireSame(
  known: Pick<BatchSpec, "id" | "owner" | "name" | "pipeline">,
  { id, owner, name, pipeline }: BatchSpec,
): void {
  if (known.id !== id || known.owner !== owner || known.name !== name || known.pipeline !== pipeline) throw takenId(id);
}

/** A cancel that came while the submission was under way stands; only a new submission lifts it. */
export function isLate(submission: Submission, batch: SubmittedBatch): boolean {
  return submission.firstOrdinal !== undefined && batch.isCancelled;
}
