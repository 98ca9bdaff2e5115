import { type EstimateRange, formatAfterResume, formatEstimate, formatRelative } from "./duration.ts";

/** What must be known of a batch to say how long it will take. */
export interface TimedBatch {
  readonly status: string;
  readonly percent: number | null;
  readonly isSealed: boolean;
  readonly isEnded: boolean;
  /** Milliseconds since 1970. */
  readonly startAtMs: number | null;
  readonly estimate: (EstimateRange & { readonly basis: string }) | null;
  readonly noEstimate: { readonly reason: string; readonly afterResume: EstimateRange | null } | null;
}

const EARLY_PERCENT = 5;

/** What is to be said of the time left: nothing once the batch has ended, and why nothing moves where it does not. */
export function formatTimeLeft(batch: TimedBatch, nowMs: number): string {
  if (batch.isEnded) return "";
  const { estimate, noEstimate, percent, status, startAtMs } = batch;
  if (noEstimate?.reason === "paused") return pausedText(status, noEstimate.afterResume);
  if (status === "paused") return "paused";
  if (startAtMs !== null && startAtMs > nowMs) return `starts ${formatRelative(startAtMs, nowMs)}`;
  if (!batch.isSealed) return "items are still being added";
  if (noEstimate?.reason === "no-workers") return "no worker runs it";
  // Reports of the first items alone say little before a twentieth of the work is done.
  const isEarly = estimate?.basis === "units" && (percent ?? 0) < EARLY_PERCENT;
  return formatEstimate(isEarly ? null : estimate, percent);
}

/** A batch that runs may wait all the same: its queue is paused, or all that is left of it is on hold. */
function pausedText(status: string, afterResume: EstimateRange | null): string {
  const left = formatAfterResume(afterResume);
  return [status === "paused" ? "paused" : "waits for a resume", left].filter((text) => text !== "").join(", ");
}
