import type { BatchSnapshot } from "../core/batch.ts";

/** A batch as `--json` prints it: the fields of its snapshot, times in ISO 8601 UTC, the estimate in seconds. */
export function batchToJson(batch: BatchSnapshot): Readonly<Record<string, unknown>> {
  const { id, name, queue, pipeline, status, outcome, counts, processed, percent, ...rest } = batch;
  return { id, name, queue, pipeline, status, outcome, counts, processed, percent, ...rest };
}
