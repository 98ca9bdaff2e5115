import type { WireBatch } from "../../../src/wire/batch.ts";

/** A batch as tests need it, the higher the number the younger. */
export function madeBatch(
  number: number,
  given: Partial<Omit<WireBatch, "counts">> & { readonly counts?: Partial<WireBatch["counts"]> } = {},
): WireBatch {
  const { counts, ...rest } = given;
  return {
    id: `01a1ff95-${String(number).padStart(4, "0")}-7000-8000-000000000000`,
    name: null,
    owner: "",
    queue: "main",
    pipeline: "images",
    options: null,
    status: "processing",
    outcome: null,
    isSealed: true,
    epoch: 1,
    version: 1,
    priority: 0,
    counts: { total: 10, pending: 10, processing: 0, completed: 0, failed: 0, cancelled: 0, ...counts },
    processed: 0,
    percent: 0,
    estimatedTimeRemaining: null,
    estimate: null,
    noEstimate: null,
    createdAt: "2026-11-21T09:00:00.000Z",
    startAt: null,
    startedAt: null,
    endedAt: null,
    ...rest,
  };
}
