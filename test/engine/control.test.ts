import { describe, expect, test } from "vitest";
import type { HandlerItem, Step } from "../../src/index.ts";
import { aborted, openForTest, STORES, signal } from "../support/open-for-test.ts";

describe.each(STORES)("control on %s", (store) => {
  test("pause starts nothing new, what runs finishes; resume goes on", async () => {
    const milepost = await openForTest(store);
    const first = signal();
    const go = signal();
    const started: string[] = [];
    milepost.pipeline("work", async (item) => {
      started.push(item.key);
      first.give();
      await go.wait;
    });
    await milepost.work({ concurrency: 1 });
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b", "c"] });
    await first.wait;
    await batch.pause();
    expect((await batch.snapshot()).status).toBe("paused");
    const running = await batch.items({ state: "processing" });
    expect(running.items.map(({ key }) => key)).toEqual(["a"]);
    go.give();
    for await (const { counts } of batch.watch()) if (counts.completed === 1) break;
    expect(started).toEqual(["a"]);
    await batch.resume();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    expect(started).toEqual(["a", "b", "c"]);
  });

  test("a handler that awaits paused() halts in place and keeps its lease", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    const go = signal();
    const halted = signal();
    milepost.pipeline("frames", async (_item, step) => {
      inside.give();
      await go.wait;
      const resumed = step.paused();
      halted.give();
      await resumed;
      return "went on";
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "frames", items: ["a"] });
    await inside.wait;
    await milepost.queue("frames").pause();
    go.give();
    await halted.wait;
    expect(await milepost.queue("frames").snapshot()).toMatchObject({ state: "paused", processing: 1 });
    await milepost.queue("frames").resume();
    await batch.done();
    expect(await batch.item("a").snapshot()).toMatchObject({ output: "went on", attempts: 1 });
  });

  test("stop aborts what runs and returns it to pending with what it saved", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    const seen: unknown[] = [];
    milepost.pipeline("long", async (item, step) => {
      seen.push(item.saved);
      if (item.attempt > 1) return;
      await step.save("half");
      inside.give();
      await aborted(step.signal);
      throw step.signal.reason;
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "long", items: ["a"] });
    await inside.wait;
    await batch.stop();
    expect(await batch.snapshot()).toMatchObject({ status: "paused", counts: { pending: 1, processing: 0 } });
    await batch.resume();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    expect(seen).toEqual([null, "half"]);
    expect((await batch.item("a").attempts()).map(({ outcome }) => outcome)).toEqual(["released", "completed"]);
  });

  test("a stop or pause may be waited for only so long; it stands, and says what is outstanding", async () => {
    const milepost = await openForTest(store);
    const [inside, go] = [signal(), signal()];
    milepost.pipeline("stubborn", async () => {
      inside.give();
      await go.wait;
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "stubborn", items: ["a", "b"] });
    await inside.wait;
    const nothing = { changed: 1, unconfirmed: [], processing: 0 };
    expect(await batch.halt("pause", { waitMs: 5_000 })).toEqual(nothing);
    const outstanding = { changed: 1, processing: 1 };
    expect(await batch.halt("stop", { waitMs: 1 })).toMatchObject(outstanding);
    expect(await milepost.queue("stubborn").halt("stop", { waitMs: 1 })).toMatchObject(outstanding);
    expect(await batch.snapshot()).toMatchObject({ status: "paused", counts: { processing: 1, pending: 1 } });
    go.give();
    expect(await batch.halt("stop", { waitMs: 5_000 })).toEqual({ ...nothing, changed: 0 });
    await expect(milepost.batch("nothing").halt("stop", { waitMs: 1 })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("cancel of a running item is recorded at once, aborts it, and its late success is refused", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    const go = signal();
    const over = signal();
    milepost.pipeline("long", async (_item: HandlerItem, step: Step) => {
      inside.give();
      await aborted(step.signal);
      await go.wait;
      over.give();
      return "late";
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "long", items: ["a"] });
    await inside.wait;
    await batch.item("a").cancel();
    expect(await batch.snapshot()).toMatchObject({ status: "cancelled", counts: { cancelled: 1 } });
    go.give();
    await over.wait;
    await milepost.close();
  });

  test("cancel of a batch ends all of it; retry brings it back as a new epoch", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("work", () => {});
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b"] });
    expect(await batch.cancel()).toBe(2);
    const cancelled = await batch.snapshot();
    expect(cancelled).toMatchObject({ status: "cancelled", percent: 100 });
    expect(await batch.cancel()).toBe(0);
    expect(await batch.retry()).toBe(2);
    const again = await batch.snapshot();
    expect(again).toMatchObject({ status: "pending", endedAt: null, counts: { pending: 2 } });
    expect(again.epoch).toBe(cancelled.epoch + 1);
    await milepost.work();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
  });

  test("retry --failed leaves cancelled items alone", async () => {
    const milepost = await openForTest(store);
    let isBroken = true;
    milepost.pipeline({
      name: "work",
      attempts: 1,
      handler: () => {
        if (isBroken) throw new Error("broken");
      },
    });
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b"] });
    await batch.item("b").cancel();
    await milepost.work();
    await batch.done();
    isBroken = false;
    expect(await batch.retry({ failed: true })).toBe(1);
    expect((await batch.done()).counts).toMatchObject({ completed: 1, cancelled: 1 });
  });

  test("hold keeps an item pending until unhold; priorities order items and batches", async () => {
    const milepost = await openForTest(store);
    const order: string[] = [];
    milepost.pipeline("work", (item) => void order.push(item.key));
    const low = await milepost.submit({ pipeline: "work", priority: "low", items: ["low"] });
    const { batch } = await milepost.submit({
      pipeline: "work",
      items: ["a", "b", { key: "c", priority: "high" }, "d", "held"],
    });
    await batch.item("held").hold();
    await batch.item("d").setPriority(-20);
    const worker = await milepost.work();
    await low.batch.done();
    await worker.idle();
    expect(order).toEqual(["d", "c", "a", "b", "low"]);
    expect(await batch.snapshot()).toMatchObject({ endedAt: null, counts: { pending: 1 } });
    await batch.item("held").unhold();
    await batch.done();
    expect(order.at(-1)).toBe("held");
  });

  test("remove is refused while it runs, and tells what to do", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    const go = signal();
    milepost.pipeline("work", async () => {
      inside.give();
      await go.wait;
    });
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b"] });
    await inside.wait;
    for await (const { counts } of batch.watch()) if (counts.processing === 1) break;
    await expect(batch.remove()).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("stop or cancel it first"),
    });
    const { version } = await batch.snapshot();
    await batch.item("b").remove();
    expect((await batch.changes({ since: version })).removals.map(({ key }) => key)).toEqual(["b"]);
    go.give();
    expect((await batch.done()).counts.total).toBe(1);
    await batch.remove();
    await expect(batch.snapshot()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a spent failure budget stops the batch", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline({
      name: "bad",
      attempts: 1,
      handler: () => {
        throw new Error("bad");
      },
    });
    await milepost.work({ concurrency: 1 });
    const items = Array.from({ length: 5_000 }, (_, index) => `i${index}`);
    const { batch } = await milepost.submit({ pipeline: "bad", maxFailures: 3, items });
    let last = null;
    for await (const snapshot of batch.watch()) {
      last = snapshot;
      if (snapshot.status === "paused" && snapshot.counts.processing === 0) break;
    }
    expect(last?.counts.failed).toBeGreaterThan(3);
    expect(last?.counts.pending).toBeGreaterThan(0);
  });

  test("nothing of a batch with startAt runs before", async () => {
    const milepost = await openForTest(store);
    const startAt = new Date(Date.now() + 150);
    milepost.pipeline("later", () => Date.now());
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "later", startAt, items: ["a"] });
    await batch.done();
    expect((await batch.item("a").snapshot()).output).toBeGreaterThanOrEqual(startAt.getTime());
  });
});
