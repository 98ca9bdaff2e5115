import { expect, onTestFinished, test, vi } from "vitest";
import { MilepostError, ProgressTracker, StatusManager } from "../../src/index.ts";
import { ExportQueue } from "../../src/views/export-queue.ts";
import { framesPipeline } from "../support/frames-pipeline.ts";
import { openForTest, temporaryFolder } from "../support/open-for-test.ts";

test("a view of what is no store tells that by its calls, and closes all the same", async () => {
  const folder = temporaryFolder();
  const calls = [
    async () => {
      await using tracker = new ProgressTracker(folder);
      await tracker.createJob("Segment", [], []);
    },
    async () => {
      await using manager = new StatusManager(folder);
      await manager.listAll();
    },
    async () => {
      await using queue = new ExportQueue(folder, { pipeline: framesPipeline() });
      await queue.getQueueSize();
    },
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  for (const source of [undefined, null, 5, {}] as unknown as readonly string[]) {
    const tracker = new ProgressTracker(source);
    await expect(tracker.getJobId("Segment")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  }
});

test("a closed view of an engine that is open records nothing", async () => {
  const milepost = await openForTest("memory");
  const tracker = new ProgressTracker(milepost);
  const job = await tracker.createJob("Segment", ["a", "b"], ["train", "test"]);
  const ids = (await tracker.getPendingImages(job)).map(([id]) => id);
  await tracker.markProcessing(ids.slice(0, 1));
  await tracker.close();
  for (const mark of [
    () => tracker.markProcessing(ids),
    () => tracker.markCompleted(ids),
    () => tracker.markError(ids, "late"),
  ]) {
    await expect(mark()).rejects.toMatchObject({ code: "CLOSED" });
  }
  expect(await tracker.getProgress(job)).toMatchObject({ pendingCount: 2 });

  const manager = new StatusManager(milepost);
  await manager.createStatus("doc", "doc.pdf");
  await manager.close();
  await expect(manager.updateStatus("doc", "parsing", 0.1)).rejects.toMatchObject({ code: "CLOSED" });
  expect(await manager.getStatus("doc")).toMatchObject({ status: "queued" });
  expect(await milepost.workers()).toEqual([]);
});

test("a report that found the store busy does not spoil those after it", async () => {
  const milepost = await openForTest("memory");
  const tracker = new ProgressTracker(milepost);
  onTestFinished(() => tracker.close());
  const [id = ""] = (await tracker.getPendingImages(await tracker.createJob("Segment", ["a"], ["train"])))[0] ?? [];
  vi.spyOn(milepost, "track").mockRejectedValueOnce(new MilepostError("STORE_UNAVAILABLE", "busy"));
  await expect(tracker.markProcessing(id)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(await tracker.markProcessing(id)).toEqual([id]);
});
