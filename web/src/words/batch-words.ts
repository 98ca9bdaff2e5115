import { formatTimeLeft } from "../../../src/format/time-left.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import { showCount, showDuration } from "./shown.ts";

/** In the order of bars and legends: what is done first, what waits last. */
export const STATES_SHOWN = ["completed", "failed", "cancelled", "processing", "pending"] as const;

/** What a batch is called. */
export function titleOf({ id, name, pipeline }: Pick<WireBatch, "id" | "name" | "pipeline">): string {
  return name ?? `${pipeline} ${id.slice(0, 8)}`;
}

export function ownerOf({ owner }: Pick<WireBatch, "owner">): string {
  if (owner === "") return "operator";
  const [kind, hash = ""] = owner.split(":");
  return kind === "session" ? `session ${hash.slice(0, 6)}` : owner;
}

/** `completed (partial)`, `paused`. */
export function statusWords({ status, outcome }: Pick<WireBatch, "status" | "outcome">): string {
  return outcome === "partial" ? `${status} (partial)` : status;
}

/** How long it will take in words; of one that has ended, how long it took. */
export function timeWords(batch: WireBatch, nowMs: number): string {
  if (batch.endedAt !== null) {
    const seconds = (Date.parse(batch.endedAt) - Date.parse(batch.startedAt ?? batch.endedAt)) / 1_000;
    return batch.startedAt === null ? "" : `took ${showDuration(seconds)}`;
  }
  const startAtMs = batch.startAt === null ? null : Date.parse(batch.startAt);
  return formatTimeLeft({ ...batch, isEnded: false, startAtMs }, nowMs);
}

/** `1,200 of 2,000`. */
export function doneWords({ processed, counts }: Pick<WireBatch, "processed" | "counts">): string {
  return `${showCount(processed)} of ${showCount(counts.total)}`;
}

/** All there is to say of a batch's items, for people who do not see its bar. */
export function countsWords({ counts }: Pick<WireBatch, "counts">): string {
  const parts = STATES_SHOWN.filter((state) => counts[state] > 0).map(
    (state) => `${showCount(counts[state])} ${state}`,
  );
  return parts.length === 0 ? "no items" : parts.join(", ");
}
