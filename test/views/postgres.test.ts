import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { DocumentState, type Milepost, openMilepost, ProgressTracker, StatusManager } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { ExportQueue } from "../../src/views/export-queue.ts";
import { HttpWorker, named } from "../server/support/http-worker.ts";
import { startServer } from "../server/support/start-server.ts";
import { framesPipeline } from "../support/frames-pipeline.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

async function open(url: string): Promise<Milepost> {
  const milepost = await openMilepost(url, { logger: SILENT });
  onTestFinished(() => milepost.close());
  return milepost;
}

test("StatusManager: a document is told about by two processes, each where the other one left it", async () => {
  const { url } = cluster.newStore();
  const [here, there] = [new StatusManager(await open(url)), new StatusManager(await open(url))];
  onTestFinished(async () => void (await Promise.all([here.close(), there.close()])));
  await here.createStatus("doc", "report.pdf", { pages: 3 });
  await there.updateStatus("doc", DocumentState.PARSING, 0.1);
  await here.updateStatus("doc", DocumentState.EMBEDDING_TEXT, 0.5);
  expect(await there.getStatus("doc")).toMatchObject({ status: "embedding_text", filename: "report.pdf" });
  await there.updateStatus("doc", DocumentState.STORING, 0.9);
  await here.markCompleted("doc");
  expect(await there.getStatus("doc")).toMatchObject({ status: "completed", progress: 1 });
  expect(await there.listActive()).toEqual([]);
});

test("ExportQueue: jobs that one process added are exported by another", async () => {
  const { url } = cluster.newStore();
  const queueOn = async (): Promise<ExportQueue<{ readonly title: string }>> => {
    const queue = new ExportQueue<{ readonly title: string }>(await open(url), { pipeline: framesPipeline() });
    onTestFinished(() => queue.close());
    return queue;
  };
  const [adds, exports] = [await queueOn(), await queueOn()];
  const job = await adds.addToExportQueue({ title: "a" }, "a.mp4");
  await adds.addToExportQueue({ title: "b" }, "b.mp4", "urgent");
  expect(await exports.startBatchExport()).toBe(true);
  await exports.finished();
  expect(await adds.getJob(job)).toMatchObject({ progress: { status: "completed", progressPercentage: 100 } });
  expect(await adds.getCompletedJobs()).toHaveLength(2);
});

test("ProgressTracker: a job by the URL of a store, shared by two processes", async () => {
  const { url } = cluster.newStore();
  const [one, two] = [new ProgressTracker(url), new ProgressTracker(url)];
  onTestFinished(async () => void (await Promise.all([one.close(), two.close()])));
  const job = await one.createJob("Segment", ["a", "b", "c"], ["train", "train", "test"]);
  expect(await two.createJob("Segment", ["a", "b", "c"], ["train", "train", "test"])).toBe(job);
  const ids = (await one.getPendingImages(job)).map(([id]) => id);
  const [a = "", b = ""] = ids;
  expect(await one.markProcessing(ids.slice(0, 2))).toEqual([a, b]);
  expect((await two.getPendingImages(job)).map(([id]) => id)).toEqual(ids.slice(2));
  await one.markCompleted(a);
  await one.markError(b, "cannot be read");
  await two.markCompleted(ids.slice(2));
  await two.checkpoint(job);
  const ended = { totalImages: 3, processedCount: 2, errorCount: 1, pendingCount: 0 };
  expect(await one.getProgress(job)).toEqual(ended);
});

test("a worker outside goes from one server to another, beside a worker inside, and is drained", async () => {
  const { url } = cluster.newStore();
  const [first, second] = [
    await startServer({ milepost: await open(url) }),
    await startServer({ milepost: await open(url) }),
  ];
  const { batch, id } = await first.milepost.submit({ pipeline: "p", items: ["a", "b", "c"] });
  const outside = await HttpWorker.open(first.operator, { concurrency: 2 });
  const [a, b] = await outside.claim({ limit: 2 });
  if (a === undefined || b === undefined) throw new Error("two were claimed");
  expect((await outside.at(second.operator).beat({ held: [named(a)] })).orders).toHaveLength(1);
  expect(await outside.at(second.operator).complete(a)).toBe("recorded");
  const drained = await second.operator(`/api/workers/${outside.id}/drain`, { method: "POST" });
  expect(drained.status).toBe(200);
  expect(await outside.beat({ held: [named(b)] })).toMatchObject({ isDraining: true });
  expect(await outside.claim({ limit: 2, held: [named(b)] })).toEqual([]);
  expect(await outside.complete(b)).toBe("recorded");
  await outside.leave();
  second.milepost.pipeline("p", () => null);
  await second.milepost.work();
  expect(await batch.done()).toMatchObject({ outcome: "success" });
  const seen = await first.operator(`/api/batches/${id}`);
  expect(await seen.json()).toMatchObject({ status: "completed", counts: { total: 3, completed: 3 } });
});
