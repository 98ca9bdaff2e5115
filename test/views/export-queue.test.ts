import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Milepost, PipelineDefinition } from "../../src/index.ts";
import { ExportQueue, type ExportQueueOptions } from "../../src/views/export-queue.ts";
import type { BatchExportProgress, ExportInput, ExportProgress } from "../../src/views/export-status.ts";
import { type DrawFrame, framesPipeline } from "../support/frames-pipeline.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest, STORES, signal, temporaryFolder } from "../support/open-for-test.ts";

interface Song {
  readonly title: string;
  readonly frames?: number;
  /** Fails before this frame. */
  readonly failsAt?: number;
}

type Options = Partial<ExportQueueOptions>;

function queueOn(source: string | Milepost, options: Options & { readonly draw?: DrawFrame } = {}): ExportQueue<Song> {
  const { draw, ...rest } = options;
  const queue = new ExportQueue<Song>(source, { pipeline: framesPipeline(draw), ...rest });
  onTestFinished(() => queue.close());
  return queue;
}

const titles = (jobs: readonly { readonly project: Song }[]): readonly string[] =>
  jobs.map(({ project }) => project.title);

describe.each(STORES)("ExportQueue over %s", (store) => {
  test("exports what was added, by priority, then age, and keeps what became of it", async () => {
    const drawn: string[] = [];
    const queue = queueOn(await openForTest(store), {
      draw: ({ title }, frame) => void (frame === 0 && drawn.push(title)),
    });
    expect(await queue.getQueueStatus()).toBe("idle");
    expect(await queue.startBatchExport()).toBe(false);
    const first = await queue.addToExportQueue({ title: "a" }, "a.mp4");
    await queue.addToExportQueue({ title: "b", failsAt: 2 }, "b.mp4", 5);
    await queue.addToExportQueue({ title: "c" }, "c.mp4", -1);
    await queue.addToExportQueue({ title: "d" }, "d.mp4");
    await queue.addToExportQueue({ title: "e" }, "e.mp4", "urgent");
    await queue.addToExportQueue({ title: "f" }, "f.mp4", 6);
    expect(await queue.getQueueSize()).toBe(6);
    expect(await queue.getJob(first)).toMatchObject({
      id: first,
      project: { title: "a" },
      outputPath: "a.mp4",
      priority: 0,
      progress: { status: "pending", currentFrame: 0, elapsedTime: 0, startTime: null, progressPercentage: 0 },
    });
    expect(await queue.startBatchExport()).toBe(true);
    await queue.finished();
    expect(drawn).toEqual(["e", "c", "a", "d", "b", "f"]);
    expect(await queue.getQueueSize()).toBe(0);
    expect(await queue.getQueueStatus()).toBe("idle");
    expect(titles(await queue.getCompletedJobs())).toEqual(["a", "c", "d", "e", "f"]);
    const [failed, ...others] = await queue.getFailedJobs();
    expect(others).toEqual([]);
    expect(failed).toMatchObject({
      project: { title: "b" },
      progress: { status: "failed", errorMessage: "frame 2 of b cannot be drawn", estimatedRemaining: null },
    });
    const [done] = await queue.getCompletedJobs();
    expect(done?.progress).toMatchObject({
      status: "completed",
      currentFrame: 4,
      totalFrames: 4,
      progressPercentage: 100,
    });
    expect(done?.createdAt).toBeInstanceOf(Date);
  });

  test("tells of the batch as it goes, the end too, whatever a callback throws", async () => {
    const told: BatchExportProgress<Song>[] = [];
    const warnings: string[] = [];
    const logger = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
    const gate = signal();
    const milepost = await openForTest(store);
    const queue = queueOn(milepost, {
      logger,
      draw: ({ title }, frame) => (title === "b" && frame === 2 ? gate.wait : undefined),
    });
    await queue.addToExportQueue({ title: "a" }, "a.mp4");
    await queue.addToExportQueue({ title: "b" }, "b.mp4");
    const reached = signal();
    await queue.startBatchExport((progress) => {
      told.push(progress);
      if (progress.currentJob?.progress.currentFrame === 2) reached.give();
      if (told.length % 2 === 0) throw new Error("a bad callback");
      return Promise.reject(new Error("a worse one"));
    });
    expect(await queue.startBatchExport()).toBe(false);
    await reached.wait;
    expect(await queue.getQueueStatus()).toBe("running");
    const third = await queue.addToExportQueue({ title: "c", failsAt: 0 }, "c.mp4");
    expect(third).not.toBe("");
    gate.give();
    await queue.finished();
    const middle = told.find(({ currentJob }) => currentJob?.progress.currentFrame === 2);
    expect(middle).toMatchObject({
      totalJobs: 2,
      completedJobs: 1,
      queueStatus: "running",
      currentJob: {
        project: { title: "b" },
        progress: { status: "rendering", totalFrames: 4, currentOperation: "rendering frame 2 of 4" },
      },
    });
    expect(middle?.overallProgressPercentage).toBeGreaterThan(50);
    expect(middle?.overallProgressPercentage).toBeLessThan(100);
    expect(told.at(-1)).toMatchObject({
      totalJobs: 3,
      completedJobs: 2,
      failedJobs: 1,
      currentJob: null,
      queueStatus: "idle",
      overallProgressPercentage: 100,
      estimatedCompletionTime: null,
    });
    expect(new Set(warnings)).toEqual(new Set(["a callback of an export threw"]));
    expect(warnings).toHaveLength(told.length);
  });

  test("pauses at a frame and goes on with the next; stops and begins anew", async () => {
    const drawn: string[] = [];
    const atTwo = signal();
    const stopAt = signal();
    const queue = queueOn(await openForTest(store), {
      draw: async ({ title }, frame, { signal: abort }) => {
        drawn.push(`${title}${frame}`);
        if (drawn.length === 2) {
          atTwo.give();
          await new Promise<void>((resolve) => paused.wait.then(resolve));
        }
        if (drawn.length === 5) {
          stopAt.give();
          await new Promise<void>((resolve) => abort.addEventListener("abort", () => resolve()));
        }
      },
    });
    const paused = signal();
    await queue.addToExportQueue({ title: "a" }, "a.mp4");
    await queue.addToExportQueue({ title: "b" }, "b.mp4");
    expect([await queue.pauseBatchExport(), await queue.resumeBatchExport(), await queue.stopBatchExport()]).toEqual([
      false,
      false,
      false,
    ]);
    const statuses: string[] = [];
    await queue.startBatchExport(({ queueStatus }) => void statuses.push(queueStatus));
    await atTwo.wait;
    expect(await queue.pauseBatchExport()).toBe(true);
    expect(await queue.getQueueStatus()).toBe("paused");
    expect(await queue.pauseBatchExport()).toBe(false);
    expect(await queue.startBatchExport()).toBe(false);
    paused.give();
    // Were it not halted, it would have drawn on before the store has answered so often.
    for (let turn = 0; turn < 10; turn++) expect(await queue.getQueueSize()).toBe(1);
    expect(drawn).toEqual(["a0", "a1"]);
    expect(await queue.resumeBatchExport()).toBe(true);
    await stopAt.wait;
    expect(drawn).toEqual(["a0", "a1", "a2", "a3", "b0"]);
    expect(await queue.removeJobFromQueue((await queue.getCompletedJobs())[0]?.id ?? "")).toBe(false);
    expect(await queue.stopBatchExport()).toBe(true);
    expect(await queue.stopBatchExport()).toBe(false);
    expect(await queue.resumeBatchExport()).toBe(false);
    expect(await queue.getQueueStatus()).toBe("stopped");
    expect(statuses.at(-1)).toBe("stopped");
    expect(statuses).toContain("paused");
    expect(await queue.getQueueSize()).toBe(1);
    expect(await queue.startBatchExport()).toBe(true);
    await queue.finished();
    expect(drawn).toEqual(["a0", "a1", "a2", "a3", "b0", "b0", "b1", "b2", "b3"]);
    expect(titles(await queue.getCompletedJobs())).toEqual(["a", "b"]);
  });

  test("removes what waits, not what runs or has ended", async () => {
    const running = signal();
    const gate = signal();
    const queue = queueOn(await openForTest(store), {
      draw: async () => {
        running.give();
        await gate.wait;
      },
    });
    const [a, b, c, d] = [
      await queue.addToExportQueue({ title: "a" }, "a.mp4"),
      await queue.addToExportQueue({ title: "b" }, "same.mp4"),
      await queue.addToExportQueue({ title: "c" }, "same.mp4"),
      await queue.addToExportQueue({ title: "d" }, "d.mp4"),
    ];
    expect(b).not.toBe(c);
    expect(await queue.removeJobFromQueue(b)).toBe(true);
    expect(await queue.removeJobFromQueue(b)).toBe(false);
    expect(await queue.removeJobFromQueue("no such job")).toBe(false);
    await queue.startBatchExport();
    await running.wait;
    // Its start is recorded within 100 ms.
    while ((await queue.getJob(a))?.progress.status === "pending")
      await new Promise((resolve) => setImmediate(resolve));
    expect(await queue.removeJobFromQueue(a)).toBe(false);
    expect(await queue.clearQueue()).toBe(2);
    expect(await queue.clearQueue()).toBe(0);
    gate.give();
    await queue.finished();
    expect(titles(await queue.getCompletedJobs())).toEqual(["a"]);
    expect(await queue.getJob(d)).toBeUndefined();
    expect(await queue.clearQueue()).toBe(0);
  });

  test("exports one without the queue, well or badly", async () => {
    const milepost = await openForTest(store);
    const queue = queueOn(milepost);
    await queue.addToExportQueue({ title: "waits" }, "waits.mp4");
    const told: ExportProgress[] = [];
    const job = await queue.exportVideo({ title: "now" }, "now.mp4", (progress) => void told.push(progress));
    expect(job).toMatchObject({ project: { title: "now" }, progress: { status: "completed", totalFrames: 4 } });
    expect(told.at(-1)).toEqual(job.progress);
    expect(await queue.exportVideo({ title: "bad", failsAt: 1 }, "bad.mp4")).toMatchObject({
      progress: { status: "failed", errorMessage: "frame 1 of bad cannot be drawn" },
    });
    expect(await queue.getQueueSize()).toBe(1);
    expect((await milepost.queues()).map(({ name }) => name).sort()).toEqual(["exports", "exports-direct"]);
  });

  test("what cannot be kept is refused", async () => {
    const queue = queueOn(await openForTest(store));
    await expect(queue.addToExportQueue({ title: "a" }, "")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(queue.addToExportQueue({ title: "a" }, "a.mp4", 0.5)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    for (const project of [undefined, null, 5] as unknown as readonly Song[]) {
      await expect(queue.addToExportQueue(project, "a.mp4")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(queue.exportVideo(project, "a.mp4")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    for (const options of [
      null,
      { startAt: "tomorrow" },
      { startAt: new Date(Number.NaN) },
      { startsAt: new Date() },
    ]) {
      const start = queue.startBatchExport(() => {}, options as { readonly startAt?: Date });
      await expect(start).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    const strange = { title: "a", self: () => 1 } as unknown as Song;
    await expect(queue.addToExportQueue(strange, "a.mp4")).rejects.toMatchObject({ code: "NOT_JSON" });
    expect(await queue.getQueueSize()).toBe(0);
  });

  test("runs a thousand jobs of random priorities and removals in the order of a model", async () => {
    const jobs = fc.array(
      fc.record({ priority: fc.integer({ min: -3, max: 3 }), isRemoved: fc.boolean(), isMoved: fc.boolean() }),
      { minLength: 1_000, maxLength: 1_000 },
    );
    await fc.assert(
      fc.asyncProperty(jobs, async (given) => {
        const drawn: string[] = [];
        await using milepost = await openForTest(store);
        const queue = new ExportQueue<Song>(milepost, {
          pipeline: framesPipeline(({ title }, frame) => void (frame === 0 && drawn.push(title))),
        });
        const waiting: { readonly id: string; readonly title: string; readonly priority: number }[] = [];
        for (const [index, { priority, isRemoved, isMoved }] of given.entries()) {
          const title = String(index);
          const id = await queue.addToExportQueue({ title, frames: 1 }, `${title}.mp4`, priority);
          waiting.push({ id, title, priority });
          const at = (index * 7) % waiting.length;
          const [taken] = isRemoved || isMoved ? waiting.splice(at, 1) : [];
          if (taken === undefined) continue;
          if (isRemoved) expect(await queue.removeJobFromQueue(taken.id)).toBe(true);
          else {
            await milepost.item(taken.id).setPriority(-priority);
            waiting.push({ ...taken, priority: -priority });
          }
        }
        expect(await queue.getQueueSize()).toBe(waiting.length);
        const model = waiting.toSorted((a, b) => a.priority - b.priority || Number(a.title) - Number(b.title));
        await queue.startBatchExport();
        await queue.finished();
        expect(drawn).toEqual(model.map(({ title }) => title));
      }),
      { numRuns: 2 },
    );
  });
});

test("the queue survives a restart, and so does a pause", async () => {
  const path = join(temporaryFolder(), "exports.db");
  const entered = signal();
  {
    await using queue = new ExportQueue<Song>(path, {
      pipeline: framesPipeline(async (_song, _frame, { signal: abort }) => {
        entered.give();
        await new Promise<void>((resolve) => abort.addEventListener("abort", () => resolve()));
      }),
    });
    await queue.addToExportQueue({ title: "a" }, "a.mp4", 1);
    await queue.addToExportQueue({ title: "b" }, "b.mp4", 0);
    await queue.startBatchExport();
    await entered.wait;
    await queue.pauseBatchExport();
  }
  const queue = queueOn(path);
  expect(await queue.getQueueSize()).toBe(2);
  expect(await queue.getQueueStatus()).toBe("paused");
  expect(await queue.startBatchExport()).toBe(true);
  await queue.finished();
  expect(titles(await queue.getCompletedJobs())).toEqual(["a", "b"]);
});

test("a job's item is what the engine, the command line and other workers see", async () => {
  const milepost = await openForTest("memory");
  const queue = queueOn(milepost, { name: "songs" });
  const id = await queue.addToExportQueue({ title: "a" }, "a.mp4", "high");
  const batch = milepost.batch("songs");
  expect(await batch.snapshot()).toMatchObject({
    queue: "songs",
    pipeline: "frames",
    isSealed: true,
    counts: { total: 1 },
  });
  const item = await milepost.item(id).snapshot();
  expect(item).toMatchObject({ id, priority: -10, state: "pending" });
  expect(item.input as ExportInput).toMatchObject({
    project: { title: "a" },
    outputPath: "a.mp4",
    baseFolder: process.cwd(),
  });
  await milepost.work({ queues: ["songs"] });
  await batch.done();
  expect(titles(await queue.getCompletedJobs())).toEqual(["a"]);
});

test("a batch export that is to begin later begins then, unless it is stopped before", async () => {
  const time = new ManualTime();
  const milepost = await openForTest("memory", { clock: time.clock });
  const queue = new ExportQueue<Song>(milepost, { pipeline: framesPipeline() });
  const startAt = (inMs: number) => ({ startAt: new Date(time.clock.now() + inMs) });
  expect(await queue.startBatchExport(() => {}, startAt(60_000))).toBe(false);
  await queue.addToExportQueue({ title: "a" }, "a.mp4");
  await expect(queue.startBatchExport(() => {}, { startAt: new Date("never") })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
  });
  expect(await queue.startBatchExport(() => {}, startAt(60_000))).toBe(true);
  expect(await queue.startBatchExport()).toBe(false);
  expect(await queue.getQueueStatus()).toBe("idle");
  expect(await queue.stopBatchExport()).toBe(true);
  await time.pass(61_000);
  expect(await queue.getQueueSize()).toBe(1);
  const begunAt: Date[] = [];
  const later = startAt(60_000);
  await queue.startBatchExport(({ overallStartTime }) => void begunAt.push(overallStartTime), later);
  await time.until(queue.finished());
  expect(begunAt[0]?.getTime()).toBeGreaterThanOrEqual(later.startAt.getTime());
  expect(titles(await queue.getCompletedJobs())).toEqual(["a"]);
  await time.until(queue.close());
});

test("a definition may be loaded when it is wanted first", async () => {
  let loads = 0;
  const pipeline = async (): Promise<PipelineDefinition> => {
    loads += 1;
    return framesPipeline();
  };
  const queue = new ExportQueue<Song>(await openForTest("memory"), { pipeline });
  expect(await queue.getQueueSize()).toBe(0);
  expect(loads).toBe(0);
  await queue.addToExportQueue({ title: "a" }, "a.mp4");
  await queue.startBatchExport();
  await queue.finished();
  expect(loads).toBe(1);
});
