import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Batch, BatchSnapshot, Milepost } from "../../src/index.ts";
import { openMilepost } from "../../src/index.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const script = fileURLToPath(new URL("../support/work-on.ts", import.meta.url));

interface Scene {
  readonly folder: string;
  readonly milepost: Milepost;
  readonly start: (concurrency: number) => Promise<ChildProcess>;
  /** Every line of every worker's ledger. */
  readonly ledger: () => readonly string[];
  readonly openGate: () => void;
}

async function makeScene(): Promise<Scene> {
  const folder = temporaryFolder();
  const store = join(folder, "work.db");
  const milepost = await openMilepost(store);
  onTestFinished(() => milepost.close());
  return {
    folder,
    milepost,
    start: async (concurrency) => {
      const child = spawn(process.execPath, [script, store, folder, String(concurrency)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      });
      await once(child.stdout as NonNullable<typeof child.stdout>, "data");
      return child;
    },
    ledger: () =>
      readdirSync(folder)
        .filter((name) => name.startsWith("ledger-"))
        .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n")),
    openGate: () => writeFileSync(join(folder, "go"), ""),
  };
}

async function until(batch: Batch, isReached: (snapshot: BatchSnapshot) => boolean): Promise<void> {
  for await (const snapshot of batch.watch({ everyMs: 5 })) if (isReached(snapshot)) return;
}

const KEYS = Array.from({ length: 12 }, (_, index) => `item-${index}`);

describe("several processes on one file", () => {
  test("share the work: each item runs once", async () => {
    const scene = await makeScene();
    await Promise.all([scene.start(2), scene.start(2)]);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: KEYS });
    await until(batch, ({ counts }) => counts.processing === 4);
    scene.openGate();
    expect(await batch.done()).toMatchObject({ outcome: "success", counts: { completed: 12 } });
    const starts = scene.ledger().filter((line) => line.startsWith("start "));
    expect(starts.toSorted()).toEqual(KEYS.map((key) => `start ${key}`).toSorted());
    expect(await scene.milepost.verify()).toEqual([]);
  });

  test("pause from a third process: after it is acknowledged nothing starts, what runs finishes", async () => {
    const scene = await makeScene();
    await Promise.all([scene.start(2), scene.start(2)]);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: KEYS });
    await until(batch, ({ counts }) => counts.processing === 4);
    await batch.pause();
    scene.openGate();
    await until(batch, ({ counts }) => counts.processing === 0);
    expect(await batch.snapshot()).toMatchObject({ status: "paused", counts: { completed: 4, pending: 8 } });
    expect(scene.ledger().filter((line) => line.startsWith("start "))).toHaveLength(4);
    await batch.resume();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
  });

  test("cancel and stop from a third process abort the running work of the others; priority reorders it", async () => {
    const scene = await makeScene();
    await scene.start(1);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: KEYS });
    await until(batch, ({ counts }) => counts.processing === 1);
    await batch.item("item-9").setPriority("urgent");
    await batch.item("item-0").cancel();
    await until(batch, ({ counts }) => counts.processing === 1 && counts.cancelled === 1);
    expect((await batch.items({ state: "processing" })).items.map(({ key }) => key)).toEqual(["item-9"]);
    await batch.stop();
    expect(await batch.snapshot()).toMatchObject({
      status: "paused",
      counts: { pending: 11, processing: 0, cancelled: 1 },
    });
    expect(scene.ledger().filter((line) => line.startsWith("aborted "))).toEqual(["aborted item-0", "aborted item-9"]);
  });

  test("kill -9 in a handler: the item runs again elsewhere, the attempt shows the crash, the counts stay exact", async () => {
    const scene = await makeScene();
    const victim = await scene.start(1);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: ["only"] });
    await until(batch, ({ counts }) => counts.processing === 1);
    victim.kill("SIGKILL");
    await once(victim, "exit");
    await scene.start(1);
    scene.openGate();
    expect(await batch.done()).toMatchObject({ outcome: "success", counts: { total: 1, completed: 1 } });
    expect((await batch.item("only").attempts()).map(({ outcome }) => outcome)).toEqual(["crashed", "completed"]);
    expect(await scene.milepost.verify()).toEqual([]);
  });

  test("SIGSTOP past the lease: another worker takes over, the late report is refused and changes nothing", async () => {
    const scene = await makeScene();
    const sleeper = await scene.start(1);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: ["only"] });
    await until(batch, ({ counts }) => counts.processing === 1);
    sleeper.kill("SIGSTOP");
    const before = await batch.snapshot();
    await scene.start(1);
    // Taken away and started again: two commits at least.
    await until(batch, ({ counts, version }) => counts.processing === 1 && version >= before.version + 2);
    scene.openGate();
    const ended = await batch.done();
    sleeper.kill("SIGCONT");
    sleeper.kill("SIGTERM");
    await once(sleeper, "exit");
    expect(await batch.snapshot()).toEqual(ended);
    expect((await batch.item("only").attempts()).map(({ outcome, token }) => [token, outcome])).toEqual([
      [1, "crashed"],
      [2, "completed"],
    ]);
    expect(await scene.milepost.verify()).toEqual([]);
  });

  test("a worker that slept through a pause starts nothing when it wakes", async () => {
    const scene = await makeScene();
    const sleeper = await scene.start(1);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: KEYS });
    await until(batch, ({ counts }) => counts.processing === 1);
    sleeper.kill("SIGSTOP");
    await batch.pause();
    scene.openGate();
    sleeper.kill("SIGCONT");
    sleeper.kill("SIGTERM");
    await once(sleeper, "exit");
    expect(scene.ledger().filter((line) => line.startsWith("start "))).toEqual(["start item-0"]);
    expect((await batch.snapshot()).counts).toMatchObject({ pending: 12, completed: 0 });
  });

  test("SIGTERM gives everything back at once", async () => {
    const scene = await makeScene();
    const worker = await scene.start(3);
    const { batch } = await scene.milepost.submit({ pipeline: "gated", items: KEYS });
    await until(batch, ({ counts }) => counts.processing === 3);
    worker.kill("SIGTERM");
    expect(await once(worker, "exit")).toEqual([0, null]);
    expect((await batch.snapshot()).counts).toMatchObject({ pending: 12, processing: 0 });
    expect(await scene.milepost.workers()).toEqual([]);
  });
});
