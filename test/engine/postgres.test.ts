import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { LIMITS } from "../../src/core/limits.ts";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { aborted, openForTest, signal } from "../support/open-for-test.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

async function open(url = cluster.newStore().url): Promise<Milepost> {
  const milepost = await openMilepost(url, { logger: SILENT });
  onTestFinished(() => milepost.close());
  return milepost;
}

/** One that works and one that steers, as two programs on one store have them. */
async function openTwo(): Promise<readonly [works: Milepost, steers: Milepost]> {
  const { url } = cluster.newStore();
  return [await open(url), await open(url)];
}

describe("engines on one PostgreSQL", () => {
  test("a pause is acknowledged by the others: nothing starts after it, what runs ends", async () => {
    const [works, steers] = await openTwo();
    const [inside, go] = [signal(), signal()];
    const started: string[] = [];
    works.pipeline("work", async ({ key }) => {
      started.push(key);
      inside.give();
      await go.wait;
    });
    await works.work();
    const { batch } = await steers.submit({ pipeline: "work", items: ["a", "b"] });
    await inside.wait;
    await batch.pause();
    go.give();
    for await (const { counts } of batch.watch()) if (counts.completed === 1) break;
    expect(started).toEqual(["a"]);
    await batch.resume();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    expect(started).toEqual(["a", "b"]);
  });

  test("a cancel aborts what the others run", async () => {
    const [works, steers] = await openTwo();
    const inside = signal();
    const ended = signal();
    works.pipeline("work", async (_item, step) => {
      inside.give();
      await aborted(step.signal);
      ended.give();
    });
    await works.work();
    const { batch } = await steers.submit({ pipeline: "work", items: ["a", "b"] });
    await inside.wait;
    await batch.cancel();
    await ended.wait;
    expect((await batch.done()).counts).toMatchObject({ cancelled: 2 });
  });

  test("a worker whose session is gone stops its handlers, and what they say then is refused", async () => {
    const { url } = cluster.newStore();
    const [works, steers] = [await open(url), await open(url)];
    const inside = signal();
    let runs = 0;
    works.pipeline("work", async (_item, step) => {
      runs += 1;
      if (runs > 1) return "second";
      inside.give();
      await aborted(step.signal);
      return "first";
    });
    await works.work({ leaseMs: 1_000 });
    const { batch } = await steers.submit({ pipeline: "work", items: ["a"] });
    await inside.wait;
    for await (const { counts } of batch.watch()) if (counts.processing === 1) break;
    // What others do with one that was silent for longer than its lease.
    const store = await openPostgresStore({ url, clock: systemClock });
    for (const { number } of await store.sessions()) await store.closeSession(number, systemClock.now());
    await store.close();
    await batch.done();
    expect(await batch.item("a").snapshot()).toMatchObject({ output: "second" });
    expect(await steers.verify()).toEqual([]);
  });

  test("ended batches go by their age, with all they had; a feed tells the latest of each item and what was removed", async () => {
    const milepost = await open();
    milepost.pipeline("work", () => {});
    await milepost.work({ concurrency: 4 });
    const { batch: old } = await milepost.submit({ pipeline: "work", name: "old", items: ["a", "b"] });
    await old.done();
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b", "c"] });
    await batch.done();
    const { items, version } = await batch.changes({ since: 0 });
    expect(items.map(({ key, state }) => [key, state])).toEqual(["a", "b", "c"].map((key) => [key, "completed"]));
    await batch.item("b").remove();
    const { removals } = await batch.changes({ since: version });
    expect(removals.map(({ key }) => key)).toEqual(["b"]);
    expect(await milepost.prune({ keep: 1 })).toHaveLength(1);
    await expect(old.snapshot()).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await milepost.verify()).toEqual([]);
  });
});

const LARGE = 5_000;
const SMALL = 100;
const HANDLERS = 16;
/** What the worker had claimed before, and three others for each item; as many again where a claim ends. */
const STARTS_MAX = LIMITS.claimItems + HANDLERS + 2 * 3 * SMALL;

test.each(["memory", "sqlite", "postgres"] as const)(
  "on %s a large batch does not starve a small one",
  async (store) => {
    const milepost = store === "postgres" ? await open() : await openForTest(store);
    const started: string[] = [];
    const [busy, submitted] = [signal(), signal()];
    milepost.pipeline("work", async ({ key }) => {
      started.push(key);
      if (started.length < LARGE / 5) return;
      busy.give();
      await submitted.wait;
    });
    const names = (from: string, count: number) => Array.from({ length: count }, (_, index) => `${from} ${index}`);
    const { batch: large } = await milepost.submit({ pipeline: "work", items: names("large", LARGE) });
    await milepost.work({ concurrency: HANDLERS });
    await busy.wait;
    const { batch: small } = await milepost.submit({ pipeline: "work", items: names("small", SMALL) });
    const from = started.length;
    submitted.give();
    await small.done();
    const waited = started.slice(from, started.lastIndexOf(`small ${SMALL - 1}`));
    expect(waited.filter((key) => key.startsWith("large")).length).toBeLessThanOrEqual(STARTS_MAX);
    await large.cancel().catch(() => {});
  },
);
