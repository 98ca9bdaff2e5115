import { setTimeout as sleep } from "node:timers/promises";
import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import { quantile } from "../summary.ts";

const SMALL_ITEMS = 100;
const BETWEEN_MS = 20;

/**
 * Batches of 100 items submitted while one of `items` is drained, one after the other: from `submit` to the end of each, and how
 * many items of the large one ended meanwhile. Younger batches of equal priority get every fourth item that is claimed, so that
 * is 300 items, those that were claimed before or recorded later, and those that ended before the submission was on disk.
 */
export async function measure(input: { path: string; items: number; concurrency: number }): Promise<Figures> {
  await using milepost = await openMilepost(input.path);
  milepost.pipeline("nothing", () => {});
  const { batch: large } = await milepost.submit({ pipeline: "nothing", items: names(input.items) });
  const completed = async (): Promise<number> => (await large.snapshot()).counts.completed;
  await milepost.work({ concurrency: input.concurrency });
  const times: number[] = [];
  const meanwhile: number[] = [];
  for (;;) {
    await sleep(BETWEEN_MS);
    const before = await completed();
    const startedAt = performance.now();
    const { batch } = await milepost.submit({ pipeline: "nothing", items: names(SMALL_ITEMS) });
    await batch.done();
    const ms = performance.now() - startedAt;
    const after = await completed();
    // One that ran on after the end of the large batch had no rival.
    if (after === input.items && times.length > 0) break;
    times.push(ms);
    meanwhile.push(after - before);
  }
  await large.done();
  return {
    samples: times.length,
    besideP50Ms: quantile(times, 0.5),
    besideMaxMs: quantile(times, 1),
    meanwhileP50: quantile(meanwhile, 0.5),
    meanwhileMax: quantile(meanwhile, 1),
  };
}
