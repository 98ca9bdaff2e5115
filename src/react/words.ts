import { formatCount, formatPercent } from "../format/number.ts";
import { formatTimeLeft } from "../format/time-left.ts";
import type { WireBatch } from "../wire/batch.ts";
import type { BatchView } from "./batch-view.ts";

/** `42%`, or `–` while it is not known. */
export function percentText(batch: WireBatch | null): string {
  return batch === null || batch.percent === null ? "–" : formatPercent(batch.percent);
}

/** `1,120 of 2,000, 2 failed`: exact counts. */
export function countsText({ processed, counts }: WireBatch): string {
  const ends = [
    [counts.failed, "failed"],
    [counts.cancelled, "cancelled"],
  ] as const;
  return [
    `${formatCount(processed)} of ${formatCount(counts.total)}`,
    ...ends.filter(([count]) => count > 0).map(([count, word]) => `${formatCount(count)} ${word}`),
  ].join(", ");
}

/** `about 4 min left`, `paused`; empty once the batch has ended. */
export function timeText(batch: WireBatch, nowMs: number): string {
  const { endedAt, startAt } = batch;
  const startAtMs = startAt === null ? null : Date.parse(startAt);
  return formatTimeLeft({ ...batch, isEnded: endedAt !== null, startAtMs }, nowMs);
}

/** All that a bar shows, for who does not see it: `42%, 1,120 of 2,000, 2 failed, about 4 min left`. */
export function valueText(batch: WireBatch | null, nowMs: number): string {
  if (batch === null) return "not known yet";
  const percent = batch.percent === null ? "percent not known" : formatPercent(batch.percent);
  return [percent, countsText(batch), timeText(batch, nowMs)].filter((text) => text !== "").join(", ");
}

/** What is to be said beside the numbers: that the connection broke, how the batch ended, what is wrong. */
export function noteText({ batch, state, error }: BatchView): string {
  switch (state) {
    case "connecting":
      return "connecting";
    case "live":
      return "";
    case "reconnecting":
      return "connection lost, reconnecting";
    case "ended":
      return batch?.outcome === "partial" ? `${batch.status} (partial)` : (batch?.status ?? "");
    case "not-found":
      return batch === null ? "there is no such batch" : "the batch was removed";
    case "failed":
      return error?.message ?? "";
  }
}
