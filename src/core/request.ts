import { MilepostError } from "./errors.ts";

/** What became of one submitted item: new, known from before, or a repeat within its submission. */
export type VerdictKind = "added" | "known" | "duplicate";
export type VerdictCounts = { readonly [Kind in VerdictKind]: number };

export const NO_VERDICTS: VerdictCounts = { added: 0, known: 0, duplicate: 0 };

/** Adds the verdicts of one more chunk of a submission to those `before` it. */
export function countVerdicts(verdicts: readonly VerdictKind[], before: VerdictCounts = NO_VERDICTS): VerdictCounts {
  const counts = { ...before };
  for (const verdict of verdicts) counts[verdict] += 1;
  return counts;
}

/** What is kept of a submission that its caller named. */
export interface KnownRequest {
  readonly batch: number;
  readonly fingerprint: string;
  /** Of the submission that was made for it. */
  readonly submission: string;
  /** False while the submission is under way. */
  readonly isWhole: boolean;
}

/**
 * What a store does with a submission whose request is known: it is the repeat of a whole one, or the one that is under way
 * and goes on.
 *
 * @param batch the number of the batch, where the submission names one
 * @throws {MilepostError} `CONFLICT` with `details.reason`: "in-flight", or "other-request"
 */
export function decideRequest(
  known: KnownRequest,
  given: { readonly key: string; readonly fingerprint: string; readonly id: string },
  batch: number | null,
): "repeat" | "goes-on" {
  if (known.fingerprint !== given.fingerprint || (batch !== null && batch !== known.batch)) {
    throw new MilepostError(
      "CONFLICT",
      `the key ${given.key} belongs to another request; give this one a key of its own`,
      {
        details: { reason: "other-request" },
      },
    );
  }
  if (known.isWhole) return "repeat";
  if (known.submission === given.id) return "goes-on";
  throw new MilepostError("CONFLICT", `the request ${given.key} is being carried out; ask again when it is done`, {
    details: { reason: "in-flight" },
  });
}

/** The refusal of an id that is another batch's. */
export function takenId(id: string): MilepostError {
  return new MilepostError("CONFLICT", `the id ${id} is another batch's; make a new one`, {
    details: { reason: "id" },
  });
}
