import { describe, expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { ItemHeap } from "../../src/stores/memory/item-heap.ts";
import type { MemoryItem } from "../../src/stores/memory/memory-state.ts";
import { ExportQueue } from "../../src/views/export-queue.ts";
import { framesPipeline } from "../support/frames-pipeline.ts";
import { openForTest, STORES, signal } from "../support/open-for-test.ts";

const FEW = 1_000;
const MANY = 100_000;
const ROUND = 100;

interface Song {
  readonly frames: number;
}

/** CPU milliseconds of adding jobs to a queue of so many, and of taking as many from it. */
async function costAmong(
  milepost: Milepost,
  waiting: number,
): Promise<{ readonly adding: number; readonly taking: number }> {
  const enough = signal();
  let drawn = 0;
  const pipeline = framesPipeline(() => {
    drawn += 1;
    if (drawn === ROUND) enough.give();
  });
  await using queue = new ExportQueue<Song>(milepost, {
    pipeline: { ...pipeline, name: `of ${waiting}` },
    name: `of ${waiting}`,
  });
  await queue.addToExportQueue({ frames: 1 }, "first.mp4");
  const input = { project: { frames: 1 }, outputPath: "x.mp4", baseFolder: "/", createdAt: 0 };
  const items = Array.from({ length: waiting }, (_, index) => ({ key: `job ${index}`, input, priority: index % 7 }));
  await milepost.batch(`of ${waiting}`).add(items);
  const cpu = (): number => Object.values(process.cpuUsage()).reduce((sum, part) => sum + part, 0) / 1_000;
  const before = cpu();
  for (let index = 0; index < ROUND; index++) await queue.addToExportQueue({ frames: 1 }, "x.mp4", -1);
  const added = cpu();
  expect(await queue.getQueueSize()).toBe(waiting + ROUND + 1);
  await queue.startBatchExport();
  await enough.wait;
  await queue.stopBatchExport();
  return { adding: added - before, taking: cpu() - added };
}

describe.each(STORES)("a hundred times as many jobs over %s", (store) => {
  // Whatever looked at each job once would cost a hundred times as much; the machine may be busy.
  test("cost hardly more to add to and to take from", async () => {
    const milepost = await openForTest(store);
    await costAmong(milepost, FEW);
    const few = await costAmong(await openForTest(store), FEW);
    const many = await costAmong(await openForTest(store), MANY);
    expect(many.adding / few.adding).toBeLessThan(10);
    expect(many.taking / few.taking).toBeLessThan(10);
  });
});

test("the heap of the store in memory compares some log n jobs to add or to take one", () => {
  const heap = new ItemHeap();
  let looks = 0;
  const itemOf = (ordinal: number): MemoryItem => {
    const item = {
      place: 0,
      get ordinal() {
        looks += 1;
        return ordinal;
      },
    };
    return item as unknown as MemoryItem;
  };
  // All of one rank, so that each comparison looks at both ordinals.
  for (let index = 0; index < MANY; index++) heap.push(itemOf(index), 0);
  const perPush = looks / MANY;
  looks = 0;
  for (let index = 0; index < MANY; index++) {
    const first = heap.peek() as unknown as { place: number };
    first.place = 1;
  }
  expect(perPush).toBeLessThan(2 * 2 * Math.log2(MANY));
  expect(looks / MANY).toBeLessThan(2 * 2 * 2 * Math.log2(MANY));
});
