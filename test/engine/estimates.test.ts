import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BatchSnapshot, type Milepost, type NewItem, openMilepost, type Step } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { ManualTime } from "../support/manual-time.ts";
import { STORES, type StoreName, temporaryFolder } from "../support/open-for-test.ts";

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `item-${index}`);

/** No session of a clock by hand beats in real time: its lease must last for the whole test. */
const leaseMs = 3_600_000;

/** An engine whose items take two seconds of a clock by hand, or what their input says. */
async function openWorking(store: StoreName): Promise<{ milepost: Milepost; time: ManualTime }> {
  const time = new ManualTime();
  const location = store === "memory" ? "memory:" : join(temporaryFolder(), "work.db");
  return { milepost: await openOn(location, time), time };
}

async function openOn(location: string, time: ManualTime): Promise<Milepost> {
  const milepost = await openMilepost(location, { clock: time.clock, logger: SILENT });
  milepost.pipeline("p", (item) => time.work(typeof item.input === "number" ? item.input : 2_000));
  onTestFinished(() => time.until(milepost.close()));
  return milepost;
}

function medianOf({ estimate }: BatchSnapshot): number {
  return estimate?.median ?? Number.NaN;
}

describe.each(STORES)("an estimate on %s", (store) => {
  test("is there once an item has ended, and counts down to the end", async () => {
    const { milepost, time } = await openWorking(store);
    const { batch } = await milepost.submit({ pipeline: "p", items: names(40) });
    expect(await batch.snapshot()).toMatchObject({ estimate: null, noEstimate: { reason: "no-workers" } });
    await time.until(milepost.work({ concurrency: 2, leaseMs }));
    // At once, though an estimate holds for a quarter of a second.
    expect((await batch.snapshot()).noEstimate?.reason).toBe("no-evidence");
    await time.pass(1_000);
    expect(await batch.snapshot()).toMatchObject({ estimate: null, noEstimate: { reason: "no-evidence" } });
    await time.pass(19_300);
    const half = await batch.snapshot();
    expect(half.counts.completed).toBe(20);
    expect(half.noEstimate).toBeNull();
    expect(half.estimate).toMatchObject({ confidence: 0.8, basis: "items" });
    expect(half.estimatedTimeRemaining).toBe(medianOf(half));
    expect(medianOf(half)).toBeGreaterThan(18);
    expect(medianOf(half)).toBeLessThan(24);
    expect(half.estimate?.finishAt.getTime()).toBeCloseTo(time.clock.now() + 1_000 * medianOf(half), -3);
    await time.pass(10_000);
    const later = await batch.snapshot();
    expect(medianOf(later)).toBeLessThan(medianOf(half) - 8);
    expect(await time.until(batch.done())).toMatchObject({
      estimate: null,
      noEstimate: null,
      estimatedTimeRemaining: null,
    });
  });

  test("says why there is none, and what is left after a pause", async () => {
    const { milepost, time } = await openWorking(store);
    const { batch } = await milepost.submit({ pipeline: "p", items: names(20), seal: false });
    await time.until(milepost.work({ leaseMs }));
    await time.pass(10_300);
    expect((await batch.snapshot()).noEstimate?.reason).toBe("open-batch");
    await time.until(batch.seal());
    expect(medianOf(await batch.snapshot())).toBeGreaterThan(25);
    const paused = batch.pause();
    await time.until(paused);
    await time.pass(900_000, 1_000);
    const { estimate, noEstimate } = await batch.snapshot();
    expect(estimate).toBeNull();
    expect(noEstimate?.reason).toBe("paused");
    // What ran has ended: 14 items of two seconds are left.
    expect(noEstimate?.afterResume?.median).toBeGreaterThan(0.88 * 28);
    expect(noEstimate?.afterResume?.median).toBeLessThan(1.12 * 28);
    await time.pass(900_000, 1_000);
    expect((await batch.snapshot()).noEstimate?.afterResume).toEqual(noEstimate?.afterResume);
    await time.until(batch.resume());
    await time.pass(500);
    const resumed = medianOf(await batch.snapshot());
    expect(Math.abs(resumed - (noEstimate?.afterResume?.median ?? 0))).toBeLessThan(3);
    await time.until(milepost.queue("p").pause());
    await time.pass(300);
    expect((await batch.snapshot()).noEstimate?.reason).toBe("paused");
  });

  test("knows sizes: small items first do not promise a short end", async () => {
    const { milepost, time } = await openWorking(store);
    const item = (key: string, size: number): NewItem => ({ key, size, kind: "x", input: size });
    const items = [...names(30).map((key) => item(key, 200)), ...names(10).map((key) => item(`big-${key}`, 20_000))];
    const { batch } = await milepost.submit({ pipeline: "p", items });
    await time.until(milepost.work({ leaseMs }));
    // 30 small ones, and 2 of the 10 big ones.
    await time.pass(6_000 + 40_000 + 3_000);
    const left = 8 * 20 - 2;
    const median = medianOf(await batch.snapshot());
    expect(median).toBeGreaterThan(0.75 * left);
    expect(median).toBeLessThan(1.25 * left);
  });

  test("does not take the first item of each worker for the pace of the rest", async () => {
    const { milepost, time } = await openWorking(store);
    const items = names(60).map((key, index) => ({ key, input: index < 3 ? 30_000 : 1_000 }));
    const { batch } = await milepost.submit({ pipeline: "p", items });
    await time.until(milepost.work({ concurrency: 3, leaseMs }));
    // The three first ones, and four rounds of others.
    await time.pass(30_000 + 4_000 + 1_500);
    const left = 15 - 1;
    expect(medianOf(await batch.snapshot())).toBeGreaterThan(0.75 * left);
    expect(medianOf(await batch.snapshot())).toBeLessThan(1.4 * left);
  });

  test("is not misled by what was there already: by handlers that say so, and callers", async () => {
    const { milepost, time } = await openWorking(store);
    milepost.pipeline("some are there", async (item, step) => {
      if (item.input === "there") step.cached();
      await time.work(item.input === "there" ? 100 : 2_000);
    });
    const items = [...names(20).map((key) => ({ key, input: "there" })), ...names(20).map((key) => `new-${key}`)];
    const { batch } = await milepost.submit({ pipeline: "some are there", items });
    await time.until(milepost.work({ leaseMs }));
    await time.pass(2_000 + 4 * 2_000 + 2_000);
    const half = await batch.snapshot();
    expect(half.counts.completed).toBeGreaterThanOrEqual(23);
    expect(medianOf(half)).toBeGreaterThan(0.7 * 16 * 2);
    expect(medianOf(half)).toBeLessThan(1.3 * 16 * 2);

    const tracked = await milepost.submit({ pipeline: "tracked", items: names(20) });
    const tracker = await time.until(milepost.track({ leaseMs }));
    const ids = (await tracked.batch.items()).items.map(({ id }) => id);
    for (const [index, id] of ids.slice(0, 14).entries()) {
      await time.until(tracker.start([id]));
      await time.pass(index < 10 ? 100 : 2_000);
      await time.until(tracker.complete([id], null, { isCached: index < 10 }));
    }
    await time.until(tracker.start(ids.slice(14, 15)));
    await time.pass(1_000);
    const left = medianOf(await tracked.batch.snapshot());
    expect(left).toBeGreaterThan(0.7 * 5.5 * 2);
    expect(left).toBeLessThan(1.3 * 5.5 * 2);
    await time.until(tracker.close());
  });

  test("comes from a history before the first item of the next batch ends", async () => {
    const { milepost, time } = await openWorking(store);
    await time.until(milepost.work({ concurrency: 2, leaseMs }));
    const one = await milepost.submit({ pipeline: "p", items: names(20) });
    await time.until(one.batch.done());
    await time.pass(3_000);
    const { batch } = await milepost.submit({ pipeline: "p", items: names(40) });
    const { estimate } = await batch.snapshot();
    expect(estimate?.basis).toBe("history");
    expect(estimate?.median).toBeGreaterThan(28);
    expect(estimate?.median).toBeLessThan(56);
    const other = await milepost.submit({
      pipeline: "p",
      items: names(40),
      options: { slow: true },
      priority: "urgent",
    });
    expect((await other.batch.snapshot()).noEstimate?.reason).toBe("no-evidence");
  });

  test("of a batch of less priority waits for those before it; its place says so", async () => {
    const { milepost, time } = await openWorking(store);
    await time.until(milepost.work({ leaseMs }));
    await time.until((await milepost.submit({ pipeline: "p", items: names(20) })).batch.done());
    await time.pass(3_000);
    const low = await milepost.submit({ pipeline: "p", items: names(10), priority: "low" });
    const high = await milepost.submit({ pipeline: "p", items: names(30), priority: "high" });
    await time.pass(300);
    const [first, second] = [await high.batch.snapshot(), await low.batch.snapshot()];
    expect(medianOf(first)).toBeGreaterThan(40);
    expect(medianOf(second)).toBeGreaterThan(medianOf(first) + 14);
    expect(await high.batch.place()).toMatchObject({ position: 1, startsIn: { median: 0 } });
    const place = await low.batch.place();
    expect(place?.position).toBe(2);
    expect(Math.abs((place?.startsIn?.median ?? 0) - medianOf(first))).toBeLessThan(8);
  });

  test("of one item follows its own reports", async () => {
    const { milepost, time } = await openWorking(store);
    milepost.pipeline("film", async (_item, step: Step) => {
      for (let frame = 1; frame <= 100; frame++) {
        await time.work(1_000);
        step.progress(frame, 100, "frame");
      }
    });
    await time.until(milepost.work({ leaseMs }));
    const { batch } = await milepost.submit({ pipeline: "film", items: ["a"] });
    await time.pass(50_300);
    const { estimate } = await batch.item("a").snapshot();
    expect(estimate?.low).toBeLessThan(50);
    expect(estimate?.high).toBeGreaterThan(50);
    const whole = await batch.snapshot();
    expect(whole.estimate?.basis).toBe("units");
    expect(medianOf(whole)).toBeGreaterThan(35);
    expect(medianOf(whole)).toBeLessThan(70);
    await time.until(batch.done());
    expect((await batch.item("a").snapshot()).estimate).toBeNull();
  });

  test("rests on weights of stages that the batch before taught, while one batch keeps its own", async () => {
    const { milepost, time } = await openWorking(store);
    // Declared to be alike, the second takes nine times as long.
    const stages = ["read", "write"];
    milepost.pipeline({
      name: "staged",
      stages,
      handler: async (_item, step) => {
        step.stage("read");
        await time.work(1_000);
        step.stage("write");
        await time.work(9_000);
      },
    });
    await time.until(milepost.work({ leaseMs }));
    const fractions: number[] = [];
    for (const items of [20, 1]) {
      const { batch } = await milepost.submit({ pipeline: "staged", items: names(items) });
      const done = batch.done();
      await time.pass(1_500);
      fractions.push((await batch.item("item-0").snapshot()).fraction);
      await time.until(done);
      // What a batch taught is told within a second or two.
      await time.pass(2_000);
    }
    expect(fractions[0]).toBe(0.5);
    // 20 items of evidence against 3 that count for what was declared.
    expect(fractions[1]).toBeGreaterThan(0.13);
    expect(fractions[1]).toBeLessThan(0.17);
  });

  test("of a stalled batch grows, and those who watch are told", async () => {
    const { milepost, time } = await openWorking(store);
    const items = names(20).map((key, index) => ({ key, input: index === 10 ? 600_000 : 2_000 }));
    const { batch } = await milepost.submit({ pipeline: "p", items });
    await time.until(milepost.work({ leaseMs }));
    await time.pass(25_000);
    const seen: BatchSnapshot[] = [];
    const stop = new AbortController();
    const watching = (async () => {
      for await (const snapshot of batch.watch({ signal: stop.signal })) seen.push(snapshot);
    })();
    await time.pass(60_000);
    stop.abort();
    await time.until(watching);
    const finishes = seen.map(({ estimate }) => estimate?.finishAt.getTime() ?? 0);
    expect(finishes.length).toBeGreaterThan(5);
    expect(new Set(seen.map(({ version }) => version)).size).toBe(1);
    expect(finishes.at(-1)).toBeGreaterThan((finishes[0] ?? 0) + 30_000);
  });

  test("is made of what a tracker's caller reports", async () => {
    const { milepost, time } = await openWorking(store);
    const { batch } = await milepost.submit({ pipeline: "elsewhere", items: names(10) });
    const tracker = await milepost.track({ leaseMs });
    const ids = (await batch.items()).items.map(({ id }) => id);
    for (const id of ids.slice(0, 5)) {
      await time.until(tracker.start([id]));
      await time.pass(4_000);
      await time.until(tracker.complete([id]));
    }
    await time.until(tracker.start([ids[5] ?? ""]));
    await time.pass(300);
    const median = medianOf(await batch.snapshot());
    expect(median).toBeGreaterThan(15);
    expect(median).toBeLessThan(25);
    await time.until(tracker.close());
  });
});

describe("what is learned", () => {
  test("of two processes adds up, and survives the death of both", async () => {
    const path = join(temporaryFolder(), "work.db");
    const time = new ManualTime();
    const [one, two] = [await openOn(path, time), await openOn(path, time)];
    const { batch } = await one.submit({ pipeline: "p", items: names(60) });
    for (const milepost of [one, two]) await time.until(milepost.work({ leaseMs }));
    await time.pass(20_300);
    const together = await two.batch((await batch.snapshot()).id).snapshot();
    expect(together.counts.completed).toBe(20);
    expect(medianOf(together)).toBeGreaterThan(34);
    expect(medianOf(together)).toBeLessThan(46);
    // Whoever looks for the first time, with nothing in memory, sees the same.
    const late = await openOn(path, time);
    const again = await late.batch(together.id).snapshot();
    expect(again.estimate).toEqual(together.estimate);
  });

  test("is told by the last of a worker that stops with its batch", async () => {
    const path = join(temporaryFolder(), "work.db");
    const time = new ManualTime();
    const first = await openOn(path, time);
    const { batch } = await first.submit({ pipeline: "p", items: names(10) });
    const worker = await time.until(first.work({ batch, leaseMs }));
    await time.until(batch.done());
    await time.until(worker.stop());
    await time.until(first.close());
    const second = await openOn(path, time);
    await time.until(second.work({ leaseMs }));
    const next = await second.submit({ pipeline: "p", items: names(10) });
    const { estimate } = await next.batch.snapshot();
    expect(estimate?.basis).toBe("history");
    expect(estimate?.median).toBeGreaterThan(14);
    expect(estimate?.median).toBeLessThan(28);
  });

  test("of a long pause or a jump of the wall clock is nothing", async () => {
    const { milepost, time } = await openWorking("memory");
    const { batch } = await milepost.submit({ pipeline: "p", items: names(30) });
    await time.until(milepost.work({ leaseMs }));
    await time.pass(10_300);
    time.clock.jumpWall(86_400_000);
    await time.pass(20_000);
    const median = medianOf(await batch.snapshot());
    expect(median).toBeGreaterThan(24);
    expect(median).toBeLessThan(38);
  });
});
