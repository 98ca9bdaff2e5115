import type { BatchSnapshot } from "../../core/batch.ts";
import type { FailureGroup } from "../../engine/batch.ts";
import { type EstimateRange, formatAfterResume, formatEstimate, formatRelative } from "../../format/duration.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent, formatRate } from "../../format/number.ts";

const EARLY_PERCENT = 5;

/** What a batch is called in commands and on screens: its name, or its id if it has none. */
export function titleOf(batch: Pick<BatchSnapshot, "id" | "name">): string {
  return batch.name ?? batch.id;
}

/** `completed (partial)`, `paused`. */
export function describeStatus(batch: Pick<BatchSnapshot, "status" | "outcome">): string {
  return batch.outcome === "partial" ? `${batch.status} (partial)` : batch.status;
}

/** `1,118 completed, 2 failed, 4 processing, 876 pending`: the states that occur, in that order. */
export function describeCounts(counts: BatchSnapshot["counts"]): string {
  const states = ["completed", "failed", "cancelled", "processing", "pending"] as const;
  const parts = states.filter((state) => counts[state] > 0).map((state) => `${formatCount(counts[state])} ${state}`);
  return parts.length === 0 ? "no items" : parts.join(", ");
}

/** `1,120 of 2,000`. */
export function describeDone(batch: Pick<BatchSnapshot, "processed" | "counts">): string {
  return `${formatCount(batch.processed)} of ${formatCount(batch.counts.total)}`;
}

/** What is to be said of the time left: nothing once it has ended, and why nothing moves where it does not. */
export function describeTimeLeft(batch: BatchSnapshot, nowMs: number): string {
  if (batch.endedAt !== null) return "";
  const { estimate, noEstimate, percent } = batch;
  if (noEstimate?.reason === "paused") return pausedText(batch.status, noEstimate.afterResume);
  if (batch.status === "paused") return "paused";
  if (batch.startAt !== null && batch.startAt.getTime() > nowMs)
    return `starts ${formatRelative(batch.startAt.getTime(), nowMs)}`;
  if (!batch.isSealed) return "items are still being added";
  if (noEstimate?.reason === "no-workers") return "no worker runs it";
  // Reports of the first items alone say little before a twentieth of the work is done.
  const isEarly = estimate?.basis === "units" && (percent ?? 0) < EARLY_PERCENT;
  return formatEstimate(isEarly ? null : estimate, percent);
}

/** A batch that runs may wait all the same: its queue is paused, or all that is left of it is on hold. */
function pausedText(status: BatchSnapshot["status"], afterResume: EstimateRange | null): string {
  const left = formatAfterResume(afterResume);
  return [status === "paused" ? "paused" : "waits for a resume", left].filter((text) => text !== "").join(", ");
}

/** One plain line about a batch: `56%, 1,120 of 2,000, 2 failed, 12 /s, about 4 min left`. */
export function describeProgress(batch: BatchSnapshot, perSecond: number | null, nowMs: number): string {
  const parts = [formatPercent(batch.percent), describeDone(batch)];
  if (batch.counts.failed > 0) parts.push(`${formatCount(batch.counts.failed)} failed`);
  if (batch.counts.cancelled > 0) parts.push(`${formatCount(batch.counts.cancelled)} cancelled`);
  if (batch.endedAt !== null) return [...parts, describeStatus(batch)].join(", ");
  if (perSecond !== null && batch.status !== "paused") parts.push(formatRate(perSecond));
  return [...parts, describeTimeLeft(batch, nowMs)].join(", ");
}

/** `3 × the message (CODE), such as photos/a.jpg`. */
export function describeFailure(group: FailureGroup): string {
  const code = group.code === null ? "" : ` (${escapeText(group.code)})`;
  return `${formatCount(group.items)} × ${escapeText(group.message)}${code}, such as ${escapeText(group.example.name)}`;
}
