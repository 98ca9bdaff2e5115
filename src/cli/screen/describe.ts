import type { BatchSnapshot } from "../../core/batch.ts";
import type { FailureGroup } from "../../engine/batch.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent, formatRate } from "../../format/number.ts";
import { formatTimeLeft } from "../../format/time-left.ts";

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
  const { endedAt, startAt } = batch;
  return formatTimeLeft({ ...batch, isEnded: endedAt !== null, startAtMs: startAt?.getTime() ?? null }, nowMs);
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
