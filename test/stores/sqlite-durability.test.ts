import { spawnSync } from "node:child_process";
import { existsSync, fdatasyncSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Milepost } from "../../src/engine/milepost.ts";
import { openMilepost } from "../../src/index.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { systemRandom } from "../../src/platform/system-random.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

/** An engine whose disk has only what was synced: what `survivors` opens is the store as a power cut now would leave it. */
async function openOnDisk(folder: string, refuseSync: () => boolean = () => false) {
  const path = join(folder, "work.db");
  const disk = join(folder, "disk");
  const syncs: string[][] = [];
  let before: readonly string[] = [];
  const syncFile = (file: number): void => {
    if (refuseSync()) throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
    fdatasyncSync(file);
    rmSync(disk, { recursive: true, force: true });
    mkdirSync(disk);
    // By another process: closing a copy of the file here would drop the locks of this one.
    const files = [path, `${path}-wal`].filter((name) => existsSync(name));
    expect(spawnSync("cp", [...files, disk]).status).toBe(0);
    syncs.push([...before]);
  };
  const store = await openSqliteStore({ path, clock: systemClock, random: systemRandom, syncFile });
  const milepost = new Milepost({ store, clock: systemClock, random: systemRandom, host: systemHost, logger: SILENT });
  onTestFinished(() => milepost.close());
  return {
    milepost,
    syncs,
    /** What is noted with the next sync. */
    note: (notes: readonly string[]) => {
      before = notes;
    },
    survivors: () => openMilepost(join(disk, "work.db"), { mustExist: true, logger: SILENT }),
  };
}

test("a power cut takes nothing that was submitted or checked, whatever else goes on", async () => {
  const random = new SeededRandom(11);
  const { milepost, survivors } = await openOnDisk(temporaryFolder());
  milepost.pipeline("work", (item) => {
    if (item.key.endsWith("7")) throw new Error("no");
  });
  await milepost.work({ concurrency: 4 });
  const submitted = new Map<string, number>();
  for (let round = 0; round < 25; round++) {
    const count = random.between(1, 2_500);
    const items = Array.from({ length: count }, (_, index) => `item ${index}`);
    const { id, batch } = await milepost.submit({ pipeline: "work", items, attempts: 1 });
    submitted.set(id, count);
    const isChecked = random.isTrue(0.5);
    if (isChecked) {
      await batch.done();
      await batch.checkpoint();
    }
    const acknowledged = await batch.snapshot();
    await using left = await survivors();
    for (const [known, total] of submitted) expect((await left.batch(known).snapshot()).counts.total).toBe(total);
    if (isChecked) expect((await left.batch(id).snapshot()).counts).toEqual(acknowledged.counts);
    expect(await left.verify()).toEqual([]);
  }
});

test("work is there for workers before it is durable; who submitted it hears of it after", async () => {
  const { milepost, note, syncs } = await openOnDisk(temporaryFolder());
  const events: string[] = [];
  milepost.pipeline("work", () => void events.push("started"));
  await milepost.work();
  note(events);
  const { batch } = await milepost.submit({ pipeline: "work", items: ["one"] });
  expect(syncs).toEqual([["started"]]);
  await batch.done();
});

test("submissions of one moment share a sync", async () => {
  const { milepost, syncs } = await openOnDisk(temporaryFolder());
  await Promise.all(Array.from({ length: 20 }, () => milepost.submit({ pipeline: "work", items: ["one"] })));
  expect(syncs.length).toBe(1);
});

test("a disk that refuses a sync is not believed again", async () => {
  let isBroken = true;
  const { milepost } = await openOnDisk(temporaryFolder(), () => isBroken);
  const submit = () => milepost.submit({ pipeline: "work", items: ["one"] });
  await expect(submit()).rejects.toMatchObject({ code: "STORE_GONE" });
  isBroken = false;
  await expect(submit()).rejects.toMatchObject({ code: "STORE_GONE" });
});
