import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { makeImages } from "../support/make-images.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const IMAGES = 90;
/** Completed images at which the run is killed at the earliest: spread over it, and twice at its very start. */
const KILLS_AT = [0, 1, 20, 45, 70];

function run(folder: string): ChildProcess {
  const args = [
    "run",
    "images",
    "in",
    "--out",
    "out",
    "--width",
    "64",
    "--name",
    "photos",
    "--json",
    "--concurrency",
    "3",
  ];
  const child = spawn(process.execPath, [main, ...args, "--store", "work.db"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return child;
}

/** Kills the run with SIGKILL as soon as the store says that `completed` images are done and others are being made. */
async function killAt(folder: string, completed: number): Promise<void> {
  const child = run(folder);
  child.stdout?.resume();
  await using milepost = await openMilepost(join(folder, "work.db"));
  while ((await milepost.batches()).batches.length === 0) await setImmediate();
  for await (const { counts } of milepost.batch("photos").watch({ everyMs: 1 })) {
    if (counts.completed >= completed && counts.processing > 0) break;
  }
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

describe("kill -9 of a run of images", () => {
  test("the same command each time: every image exists once, counts are exact, nothing is recorded twice", async () => {
    const folder = temporaryFolder();
    await makeImages(join(folder, "in"), { count: IMAGES, seed: 3, minMpx: 0.3, maxMpx: 1.5 });
    for (const completed of KILLS_AT) await killAt(folder, completed);
    const last = run(folder);
    last.stdout?.resume();
    expect(await once(last, "exit")).toEqual([0, null]);

    const outputs = readdirSync(join(folder, "out"));
    expect(outputs).toHaveLength(IMAGES);
    expect(outputs.filter((name) => name.includes(".tmp"))).toEqual([]);

    await using milepost = await openMilepost(join(folder, "work.db"));
    expect(await milepost.verify()).toEqual([]);
    const batch = milepost.batch("photos");
    expect(await batch.snapshot()).toMatchObject({ outcome: "success", counts: { total: IMAGES, completed: IMAGES } });
    const { items } = await batch.items({ limit: 1_000 });
    expect(new Set(items.map(({ key }) => key)).size).toBe(IMAGES);
    let crashes = 0;
    for (const item of items) {
      const attempts = await batch.item(item.key).attempts();
      expect(attempts.filter(({ outcome }) => outcome === "completed")).toHaveLength(1);
      expect(attempts.at(-1)?.outcome).toBe("completed");
      expect(existsSync((item.output as { path: string }).path)).toBe(true);
      crashes += attempts.filter(({ outcome }) => outcome === "crashed").length;
    }
    expect(crashes).toBeGreaterThanOrEqual(KILLS_AT.length);
  });
});
