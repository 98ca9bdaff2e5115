import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost, ProgressTracker, Status } from "../../src/index.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const PATHS = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"];
const SPLITS = ["train", "train", "test", "val"];

function openTracker(path: string): ProgressTracker {
  const tracker = new ProgressTracker(path);
  onTestFinished(() => tracker.close());
  return tracker;
}

describe("ProgressTracker", () => {
  test("tracks a job from creation to its end", async () => {
    const tracker = openTracker(join(temporaryFolder(), "jobs.db"));
    const job = await tracker.createJob("Segment", PATHS, SPLITS);
    expect(await tracker.getJobId("Segment")).toBe(job);
    expect(await tracker.getJobId("Annotate")).toBeUndefined();
    const pending = await tracker.getPendingImages(job);
    expect(pending.map(([, path, split]) => [path, split])).toEqual(PATHS.map((path, index) => [path, SPLITS[index]]));
    const [a, b, c, d] = pending.map(([id]) => id) as [string, string, string, string];
    expect(await tracker.markProcessing([a, b])).toEqual([a, b]);
    expect(await tracker.getPendingImages(job, 1)).toEqual([[c, "c.jpg", "test"]]);
    await tracker.markCompleted(a);
    await tracker.markError([b], "cannot read");
    await tracker.markCompleted([c, d]);
    await tracker.checkpoint(job);
    expect(await tracker.getProgress(job)).toEqual({
      totalImages: 4,
      processedCount: 3,
      errorCount: 1,
      pendingCount: 0,
    });
  });

  test("createJob is idempotent, adds new paths, and refuses splits of another length", async () => {
    const tracker = openTracker(join(temporaryFolder(), "jobs.db"));
    const job = await tracker.createJob("Segment", ["a"], ["train"]);
    const [image] = await tracker.getPendingImages(job);
    await tracker.markCompleted(image?.[0] ?? "");
    expect(await tracker.createJob("Segment", ["a", "b"], ["train", "test"])).toBe(job);
    expect(await tracker.getProgress(job)).toEqual({
      totalImages: 2,
      processedCount: 1,
      errorCount: 0,
      pendingCount: 1,
    });
    await expect(tracker.createJob("Segment", ["a"], [])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    for (const name of [undefined, null, ""] as unknown as readonly string[]) {
      await expect(tracker.createJob(name, ["a"], ["train"])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  test("stages of the same images do not mix; an unknown job has no progress", async () => {
    const tracker = openTracker(join(temporaryFolder(), "jobs.db"));
    const segment = await tracker.createJob("Segment", PATHS, SPLITS);
    const upload = await tracker.createJob("Upload", PATHS, SPLITS);
    await tracker.markCompleted((await tracker.getPendingImages(segment)).map(([id]) => id));
    expect(await tracker.getProgress(upload)).toMatchObject({ processedCount: 0, pendingCount: 4 });
    expect(await tracker.getProgress("00000000-0000-7000-8000-000000000000")).toEqual({});
  });

  test("two instances on one file never win the same image, and a late mark is refused", async () => {
    const path = join(temporaryFolder(), "jobs.db");
    const [one, two] = [openTracker(path), openTracker(path)];
    const job = await one.createJob("Segment", PATHS, SPLITS);
    const ids = (await one.getPendingImages(job)).map(([id]) => id);
    const won = await Promise.all([one.markProcessing(ids), two.markProcessing(ids)]);
    expect(won.flat().toSorted()).toEqual(ids.toSorted());
    const other = won[0].length > 0 ? two : one;
    const taken = won[0][0] ?? won[1][0] ?? "";
    await expect(other.markCompleted(taken)).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await other.markError([taken], "late")).toEqual([]);
    expect(await other.resetStuckImages(job)).toBe(0);
  });

  test("work of a process that died comes back at once; its end is seen everywhere else too", async () => {
    const path = join(temporaryFolder(), "jobs.db");
    const tracker = openTracker(path);
    const job = await tracker.createJob("Segment", PATHS, SPLITS);
    const script = fileURLToPath(new URL("../support/mark-and-wait.ts", import.meta.url));
    const child = spawn(process.execPath, [script, path, job], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    expect(await tracker.resetStuckImages(job)).toBe(0);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await tracker.resetStuckImages(job)).toBe(4);
    await tracker.markCompleted((await tracker.getPendingImages(job)).map(([id]) => id));
    await using milepost = await openMilepost(path);
    expect(await milepost.batch("Segment").snapshot()).toMatchObject({ status: "completed", counts: { completed: 4 } });
    expect(Status.ERROR).toBe("error");
  });
});
