import { openMilepost } from "../../../src/index.ts";
import { systemHost } from "../../../src/platform/system-host.ts";
import { SILENT } from "../../../src/ports/logger.ts";

/** What is left of a store after all its work was done by one worker that takes every other for dead. */
export interface Remainder {
  readonly findings: readonly unknown[];
  /** Batches that did not end, or whose counts do not add up. */
  readonly unsound: readonly unknown[];
}

export async function workOff(path: string, pipeline = "pipeline"): Promise<Remainder> {
  const host = { self: systemHost.self, isDead: (other: { readonly pid: number }) => other.pid !== process.pid };
  await using milepost = await openMilepost(path, { host, logger: SILENT });
  milepost.pipeline(pipeline, () => {});
  const { batches: before } = await milepost.batches();
  for (const { id, status, isSealed } of before) {
    if (status === "paused") await milepost.batch(id).resume();
    // A submission that was cut short: nobody adds to it any more.
    if (!isSealed) await milepost.batch(id).seal();
  }
  const worker = await milepost.work({ concurrency: 4 });
  await worker.idle();
  await worker.stop();
  const { batches } = await milepost.batches();
  const unsound = batches.filter(({ counts, endedAt }) => {
    const { total, completed, failed, cancelled } = counts;
    return endedAt === null || completed + failed + cancelled !== total;
  });
  return { findings: await milepost.verify(), unsound };
}
