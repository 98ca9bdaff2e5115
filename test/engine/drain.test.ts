import { describe, expect, test } from "vitest";
import { openForTest, STORES, signal } from "../support/open-for-test.ts";

describe.each(STORES)("draining a worker on %s", (store) => {
  test("it finishes what it runs, gives back what it claimed ahead, and leaves", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    const go = signal();
    milepost.pipeline("work", async () => {
      inside.give();
      await go.wait;
    });
    const worker = await milepost.work({ concurrency: 1 });
    const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b", "c"] });
    await inside.wait;
    const [session] = await milepost.workers({ items: 1 });
    expect(session).toMatchObject({ concurrency: 1, isDraining: false, items: [{ key: "a" }] });
    const id = session?.id ?? "";
    expect(await milepost.drain(id)).toEqual({ changed: 1, isConfirmed: true, held: 1, hasLeft: false });
    expect(await milepost.workers({ items: 9 })).toMatchObject([
      { id, isDraining: true, held: 1, items: [{ key: "a" }] },
    ]);
    expect(await milepost.drain(id)).toMatchObject({ changed: 0, isConfirmed: true });
    const left = milepost.drain(id, { untilLeft: true });
    go.give();
    expect(await left).toEqual({ changed: 0, isConfirmed: true, held: 0, hasLeft: true });
    await worker.drained();
    await worker.idle();
    expect(await milepost.workers()).toEqual([]);
    expect((await batch.snapshot()).counts).toMatchObject({ completed: 1, pending: 2 });
    await expect(milepost.drain(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await milepost.work();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
  });

  test("one that has nothing to do leaves at once; a stop that comes first is none of it", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("work", () => {});
    const worker = await milepost.work();
    const [session] = await milepost.workers();
    expect(await milepost.drain(session?.id ?? "", { untilLeft: true })).toMatchObject({ hasLeft: true });
    await worker.drained();
    const stopped = await milepost.work();
    let isDrained = false;
    void stopped.drained().then(() => {
      isDrained = true;
    });
    await stopped.stop();
    expect(isDrained).toBe(false);
  });

  test("who waits no longer hears how far it is; a stop cuts the draining short", async () => {
    const milepost = await openForTest(store);
    const inside = signal();
    milepost.pipeline("endless", async (_item, step) => {
      inside.give();
      await new Promise((_resolve, reject) => step.signal.addEventListener("abort", () => reject(step.signal.reason)));
    });
    const worker = await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "endless", items: ["a"] });
    await inside.wait;
    const [session] = await milepost.workers();
    const id = session?.id ?? "";
    const waited = await milepost.drain(id, { untilLeft: true, signal: AbortSignal.abort() });
    expect(waited).toMatchObject({ changed: 1, held: 1, hasLeft: false });
    await milepost.drain(id);
    await worker.stop();
    expect((await batch.snapshot()).counts).toMatchObject({ pending: 1 });
    expect(await milepost.workers()).toEqual([]);
  });

  test("a tracker is refused: its work is its caller's", async () => {
    const milepost = await openForTest(store);
    await milepost.track();
    const [session] = await milepost.workers();
    await expect(milepost.drain(session?.id ?? "")).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(milepost.drain("nobody")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a worker outside hears of it with its claims and heartbeats, and leaves by itself", async () => {
    const milepost = await openForTest(store);
    const workers = milepost.remoteWorkers();
    const { id } = await workers.open({ name: "outside", concurrency: 2 });
    const { batch } = await milepost.submit({ pipeline: "abroad", items: ["a", "b"] });
    const { leases, isDraining } = await workers.claim(id, { limit: 1, held: [] });
    expect([leases.length, isDraining]).toEqual([1, false]);
    const held = leases.map(({ itemId, token }) => ({ itemId, token }));
    const { revision } = await workers.heartbeat(id, { held, confirmed: null });
    const beating = workers.heartbeat(id, { held, confirmed: revision, waitMs: 5_000 });
    expect(await milepost.drain(id)).toEqual({ changed: 1, isConfirmed: true, held: 1, hasLeft: false });
    expect(await beating).toMatchObject({ isDraining: true, orders: [{ order: "go-on" }] });
    expect(await workers.claim(id, { limit: 1, held, waitMs: 5_000 })).toMatchObject({ leases: [], isDraining: true });
    const reports = held.map((lease) => ({ type: "complete" as const, ...lease }));
    expect(await workers.report(id, reports)).toEqual(["recorded"]);
    const left = milepost.drain(id, { untilLeft: true });
    await workers.close(id);
    expect(await left).toMatchObject({ hasLeft: true });
    expect((await batch.snapshot()).counts).toMatchObject({ completed: 1, pending: 1 });
  });
});
