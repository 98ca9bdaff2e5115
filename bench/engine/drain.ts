import { statSync } from "node:fs";
import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { peakBytes, settledBytes } from "../memory.ts";
import { warmUp } from "./warm-up.ts";

/** One worker runs every item of the batch `measured` through a handler that does nothing, until the batch has ended. */
export async function measure(input: {
  path: string;
  items: number;
  concurrency: number;
  warmItems: number;
}): Promise<Figures> {
  const { path, items, concurrency } = input;
  await warmUp(input);
  const milepost = await openMilepost(path);
  milepost.pipeline("nothing", () => {});
  const batch = milepost.batch("measured");
  const cost = await costOf(async () => {
    await milepost.work({ concurrency });
    await batch.done();
  });
  const { counts } = await batch.snapshot();
  if (counts.completed !== items) throw new Error(`${counts.completed} of ${items} items were completed`);
  const memory = { settledBytes: await settledBytes(), peakBytes: peakBytes() };
  await milepost.close();
  return { ...cost, ...memory, fileBytes: statSync(path).size };
}
