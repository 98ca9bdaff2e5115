import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RemoteLease } from "../../src/engine/remote/remote-claims.ts";
import type { RemoteWorkers } from "../../src/engine/remote/remote-workers.ts";
import { type Milepost, openMilepost, type SubmitOptions } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest, STORES, type StoreName, temporaryFolder } from "../support/open-for-test.ts";

interface Scene {
  readonly time: ManualTime;
  readonly milepost: Milepost;
  readonly workers: RemoteWorkers;
  readonly id: string;
}

/** An engine whose clock is turned by hand, with one worker outside. */
async function open(store: StoreName, options: { readonly concurrency?: number } = {}): Promise<Scene> {
  const time = new ManualTime();
  const milepost = await openForTest(store, { clock: time.clock });
  const workers = milepost.remoteWorkers();
  const { id } = await workers.open({ name: "outside", concurrency: 4, leaseMs: 30_000, ...options });
  return { time, milepost, workers, id };
}

async function submit({ milepost }: Scene, options: Partial<SubmitOptions> = {}) {
  return (await milepost.submit({ pipeline: "p", items: ["a"], ...options })).batch;
}

async function claimOne({ workers, id }: Scene, held: readonly RemoteLease[] = []): Promise<RemoteLease> {
  const { leases } = await workers.claim(id, { limit: 1, held });
  const [lease] = leases;
  if (lease === undefined) throw new Error("nothing can be claimed");
  return lease;
}

function named({ itemId, token }: RemoteLease) {
  return { itemId, token };
}

describe.each(STORES)("a worker outside, on %s", (store) => {
  test("claims, reports and completes, and what it claims has started", async () => {
    const scene = await open(store);
    const { workers, id } = scene;
    const options = { width: 3 };
    const batch = await submit(scene, { name: "named", options, items: [{ key: "a", input: { n: 1 }, size: 7 }, "b"] });
    const { leases } = await workers.claim(id, { limit: 5, held: [] });
    const { id: batchId } = await batch.snapshot();
    expect(leases).toMatchObject([
      { key: "a", input: { n: 1 }, size: 7, attempt: 1, saved: null, batch: { id: batchId, name: "named", options } },
      { key: "b", input: null, size: null },
    ]);
    expect(await batch.snapshot()).toMatchObject({ status: "processing", counts: { processing: 2 } });
    const [a, b] = leases.map(named);
    if (a === undefined || b === undefined) throw new Error("two were claimed");
    const results = await workers.report(id, [
      { type: "complete", ...a, output: { words: 3 } },
      { type: "release", ...b, saved: { page: 2 } },
      { type: "progress", ...b, token: 99, done: 1, total: 2 },
    ]);
    expect(results).toEqual(["recorded", "recorded", "lease-lost"]);
    expect(await batch.item("a").snapshot()).toMatchObject({ state: "completed", output: { words: 3 } });
    expect(await claimOne(scene)).toMatchObject({ key: "b", saved: { page: 2 }, attempt: 2 });
    expect((await scene.milepost.workers()).find((worker) => worker.id === id)).toMatchObject({
      name: "outside",
      held: 1,
    });
    await workers.close(id);
    expect(await batch.item("b").snapshot()).toMatchObject({ state: "pending", crashes: 0 });
  });

  test("a claim whose answer was lost strands nothing: the next gives back what it did not bring", async () => {
    const scene = await open(store);
    const { workers, id } = scene;
    await submit(scene, { items: ["a", "b", "c", "d", "e"] });
    const lost = await workers.claim(id, { limit: 4, held: [] });
    expect(lost.leases).toHaveLength(4);
    const [kept] = lost.leases;
    if (kept === undefined) throw new Error("four were claimed");
    const { leases } = await workers.claim(id, { limit: 9, held: [named(kept)] });
    expect(leases).toHaveLength(3);
    expect(leases.map(({ token }) => token)).toEqual([2, 2, 2]);
    expect((await workers.claim(id, { limit: 9, held: [kept, ...leases].map(named) })).leases).toEqual([]);
  });

  test("what it still runs takes its room, though it has lost it", async () => {
    const scene = await open(store, { concurrency: 2 });
    const { workers, id } = scene;
    const batch = await submit(scene, { items: ["a", "b", "c"] });
    const { leases } = await workers.claim(id, { limit: 2, held: [] });
    for (const { key } of leases) await batch.item(key).cancel();
    const [a, b] = leases.map(named);
    if (a === undefined || b === undefined) throw new Error("two were claimed");
    expect((await workers.claim(id, { limit: 2, held: [a, b] })).leases).toEqual([]);
    expect((await workers.claim(id, { limit: 2, held: [a] })).leases).toMatchObject([{ key: "c" }]);
  });

  test("a heartbeat gives back what it does not name, once the answer to its claim cannot be on its way", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene);
    await claimOne(scene);
    await workers.heartbeat(id, { held: [], confirmed: null });
    expect(await batch.snapshot()).toMatchObject({ counts: { processing: 1 } });
    await time.pass(6_000);
    await workers.heartbeat(id, { held: [], confirmed: null });
    expect(await batch.snapshot()).toMatchObject({ counts: { pending: 1 } });
  });

  test("progress follows the stages of handlers and never goes back", async () => {
    const scene = await open(store);
    const { workers, id, milepost } = scene;
    const stages = [
      { name: "read", weight: 1 },
      { name: "write", weight: 3 },
    ];
    milepost.pipeline({ name: "p", stages, handler: () => {} });
    const batch = await submit(scene);
    const lease = await claimOne(scene);
    expect(lease.batch.stages).toEqual(stages);
    const tell = async (progress: object) => {
      expect(await workers.report(id, [{ type: "progress", ...named(lease), ...progress }])).toEqual(["recorded"]);
      const { fraction, progress: shown } = await batch.item("a").snapshot();
      return { fraction, ...shown };
    };
    expect(await tell({ stage: "read", done: 1, total: 2, unit: "page" })).toMatchObject({ fraction: 0.125, done: 1 });
    expect(await tell({ message: "well" })).toMatchObject({ fraction: 0.125, done: 1, unit: "page", message: "well" });
    expect(await tell({ stage: "write" })).toMatchObject({ fraction: 0.25, done: null, unit: null, message: "well" });
    expect(await tell({ stage: "read", done: 0, total: 2 })).toMatchObject({ fraction: 0.25, stage: "read" });
    const two = [{ stage: "write", done: 1, total: 2 }, { done: 2 }] as const;
    await workers.report(
      id,
      two.map((part) => ({ type: "progress", ...named(lease), ...part })),
    );
    expect(await batch.item("a").snapshot()).toMatchObject({ fraction: 1, progress: { done: 2, total: 2 } });
  });

  test("failures follow the batch's policy, unless another attempt cannot help", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: ["a", "b"], attempts: 2, delayMs: 1_000 });
    const error = { message: "broken", code: "E_BROKEN" };
    const fail = async (lease: RemoteLease, isFinal = false) =>
      workers.report(id, [{ type: "fail", ...named(lease), error, isFinal, saved: { at: 1 } }]);
    const a = await claimOne(scene);
    const b = await claimOne(scene, [a]);
    expect([await fail(a), await fail(b, true)]).toEqual([["recorded"], ["recorded"]]);
    expect(await batch.item("b").snapshot()).toMatchObject({ state: "failed", error });
    const waiting = await batch.item("a").snapshot();
    const delayMs = (waiting.readyAt?.getTime() ?? 0) - time.clock.now();
    expect(waiting.state).toBe("pending");
    expect(delayMs).toBeGreaterThanOrEqual(500);
    expect(delayMs).toBeLessThanOrEqual(1_000);
    const none = await workers.claim(id, { limit: 1, held: [] });
    expect(none).toEqual({ leases: [], isDraining: false, nextAt: waiting.readyAt });
    await time.pass(1_000);
    const again = await claimOne(scene);
    expect(again).toMatchObject({ attempt: 2, saved: { at: 1 } });
    await fail(again);
    expect(await batch.snapshot()).toMatchObject({ status: "failed", counts: { failed: 2 } });
  });

  test("a report that is repeated is recorded once; another one of the same lease is too late", async () => {
    const scene = await open(store);
    const { workers, id } = scene;
    const batch = await submit(scene);
    const lease = named(await claimOne(scene));
    for (let time = 0; time < 2; time++)
      expect(await workers.report(id, [{ type: "complete", ...lease, output: 1 }])).toEqual(["recorded"]);
    const { version } = await batch.snapshot();
    expect(await workers.report(id, [{ type: "fail", ...lease, error: { message: "late" } }])).toEqual(["lease-lost"]);
    expect(await workers.report(id, [{ type: "progress", ...lease, done: 1 }])).toEqual(["lease-lost"]);
    expect((await batch.snapshot()).version).toBe(version);
    const other = { ...lease, itemId: lease.itemId.replace(/^.{4}/, "0fff") };
    expect(await workers.report(id, [{ type: "complete", ...other }])).toEqual(["not-found"]);
    const bad = workers.report(id, [{ type: "complete", ...lease, output: "\0" }]);
    await expect(bad).rejects.toMatchObject({ code: "NOT_JSON" });
  });

  test("one that is silent for longer than its lease is gone, and what it says later is refused", async () => {
    const scene = await open(store);
    const { workers, id, time, milepost } = scene;
    const batch = await submit(scene);
    const lease = await claimOne(scene);
    await time.pass(29_000);
    expect((await workers.heartbeat(id, { held: [named(lease)], confirmed: null })).leftMs).toBe(30_000);
    await time.pass(29_000);
    expect(await milepost.reap()).toBe(0);
    await time.pass(2_000);
    expect(await batch.item("a").snapshot()).toMatchObject({ state: "pending", crashes: 1 });
    const gone = { code: "NOT_FOUND" };
    await expect(workers.heartbeat(id, { held: [named(lease)], confirmed: null })).rejects.toMatchObject(gone);
    await expect(workers.claim(id, { limit: 1, held: [] })).rejects.toMatchObject(gone);
    expect(await workers.report(id, [{ type: "complete", ...named(lease) }])).toEqual(["lease-lost"]);
    const second = await workers.open({ name: "second" });
    const [taken] = (await workers.claim(second.id ?? "", { limit: 1, held: [] })).leases;
    expect(taken).toMatchObject({ key: "a", token: lease.token + 1, attempt: 2 });
    expect(await workers.report(id, [{ type: "complete", ...named(lease) }])).toEqual(["lease-lost"]);
  });

  test.each(["", "x", "00000001-0000-7000-8000-000000000000", "0000ffff-ffff-8000-8000-000000000000"])(
    "there is no worker %o, nor one with another's number",
    async (wrong) => {
      const { workers, id, milepost } = await open(store);
      await milepost.track();
      const forged = `${id.slice(0, -4)}0000`;
      for (const given of [wrong, forged])
        await expect(workers.claim(given, { limit: 1, held: [] })).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(workers.report(forged, [])).rejects.toMatchObject({ code: "NOT_FOUND" });
    },
  );

  test("a pause is acknowledged when it has been confirmed, at once while a heartbeat waits", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: ["a", "b"] });
    const lease = await claimOne(scene);
    const held = [named(lease)];
    const { revision } = await workers.heartbeat(id, { held, confirmed: null });
    const waiting = workers.heartbeat(id, { held, confirmed: revision, waitMs: 10_000 });
    await time.pass(500);
    let isAcknowledged = false;
    const pausing = batch.pause().then(() => {
      isAcknowledged = true;
    });
    const from = time.clock.now();
    const told = await time.until(waiting);
    expect(time.clock.now() - from).toBeLessThanOrEqual(100);
    expect(told.orders).toEqual([{ ...named(lease), order: "pause" }]);
    await time.pass(1_000);
    expect(isAcknowledged).toBe(false);
    const confirm = { held: [{ ...named(lease), isHalted: true }], confirmed: told.revision };
    expect((await workers.heartbeat(id, confirm)).orders).toMatchObject([{ order: "pause" }]);
    await time.until(pausing);
    expect((await workers.claim(id, { limit: 1, held })).leases).toEqual([]);
    await batch.resume();
    const resumed = await workers.heartbeat(id, confirm);
    expect(resumed.orders).toMatchObject([{ order: "go-on" }]);
    // One that holds nothing keeps no pause waiting: all that it holds it has started.
    await workers.report(id, [{ type: "release", ...named(lease) }]);
    await time.until(batch.pause());
  });

  test("a stop is an order to abort, a cancel takes the lease at once", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: ["a", "b"] });
    const a = await claimOne(scene);
    const b = await claimOne(scene, [a]);
    const held = [a, b].map(named);
    await batch.item("a").cancel();
    const told = await workers.heartbeat(id, { held, confirmed: null });
    expect(told.orders).toMatchObject([{ order: "lost" }, { order: "go-on" }]);
    const stopping = batch.stop();
    const stop = await workers.heartbeat(id, { held: [named(b)], confirmed: told.revision });
    expect(stop.orders).toMatchObject([{ order: "abort" }]);
    await workers.report(id, [{ type: "release", ...named(b), saved: 7 }]);
    await workers.heartbeat(id, { held: [], confirmed: stop.revision });
    await time.until(stopping);
    expect(await batch.snapshot()).toMatchObject({ status: "paused", counts: { pending: 1, cancelled: 1 } });
  });

  test("a revision that nobody has given yet confirms nothing", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene);
    const held = [named(await claimOne(scene))];
    await workers.heartbeat(id, { held, confirmed: 1_000_000 });
    let isAcknowledged = false;
    const pausing = batch.pause().then(() => {
      isAcknowledged = true;
    });
    await time.pass(1_000);
    expect(isAcknowledged).toBe(false);
    await workers.close(id);
    await time.until(pausing);
  });

  test("an attempt that takes longer than its limit fails; a pause stops its time", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: ["a"], timeoutMs: 5_000, attempts: 2, delayMs: 0 });
    const lease = await claimOne(scene);
    expect(lease.batch.timeoutMs).toBe(5_000);
    const held = [named(lease)];
    const { revision } = await workers.heartbeat(id, { held, confirmed: null });
    await workers.heartbeat(id, { held: [{ ...named(lease), isHalted: true }], confirmed: revision });
    await time.pass(8_000);
    expect((await workers.heartbeat(id, { held, confirmed: null })).orders).toMatchObject([{ order: "go-on" }]);
    const from = time.clock.now();
    const told = await time.until(workers.heartbeat(id, { held, confirmed: revision, waitMs: 9_000 }));
    expect(told.orders).toMatchObject([{ order: "lost" }]);
    expect(time.clock.now() - from).toBeLessThanOrEqual(5_200);
    const [attempt] = (await batch.item("a").attempts()) ?? [];
    expect(attempt).toMatchObject({ outcome: "failed", error: { code: "TIMEOUT" } });
    expect(await workers.report(id, [{ type: "complete", ...named(lease) }])).toEqual(["lease-lost"]);
  });

  test("a claim that waits brings what is submitted meanwhile, and ends when nobody waits for it", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const waiting = workers.claim(id, { limit: 2, held: [], waitMs: 9_000 });
    await time.pass(300);
    await submit(scene, { items: ["a"] });
    const { leases } = await time.until(waiting);
    expect(leases).toMatchObject([{ key: "a" }]);
    const gone = new AbortController();
    const left = workers.claim(id, { limit: 1, held: leases.map(named), waitMs: 9_000, signal: gone.signal });
    await time.pass(300);
    gone.abort();
    await left;
    const batch = await submit(scene, { name: "later", items: ["b"] });
    await time.pass(2_000);
    expect(await batch.snapshot()).toMatchObject({ counts: { pending: 1 } });
  });

  test("a claim that waits, and that its worker has given up, takes back nothing of the next", async () => {
    const scene = await open(store, { concurrency: 1 });
    const { time, workers, id } = scene;
    const given = new AbortController();
    const abandoned = workers.claim(id, { limit: 1, held: [], waitMs: 5_000, signal: given.signal });
    await time.pass(1);
    await submit(scene);
    const lease = await claimOne(scene);
    await time.pass(2_000);
    given.abort();
    expect((await abandoned).leases).toEqual([]);
    expect(await workers.report(id, [{ type: "complete", ...named(lease) }])).toEqual(["recorded"]);
  });

  test("items that crashed a worker run one at a time", async () => {
    const scene = await open(store);
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: ["a", "b", "c"] });
    await workers.claim(id, { limit: 2, held: [] });
    await time.pass(31_000);
    expect(await batch.item("b").snapshot()).toMatchObject({ crashes: 1 });
    const { id: second } = await workers.open({ name: "second", concurrency: 3 });
    const { leases } = await workers.claim(second ?? "", { limit: 3, held: [] });
    expect(leases.map(({ key }) => key)).toEqual(["a", "c"]);
    const held = leases.map(named);
    expect((await workers.claim(second ?? "", { limit: 3, held })).leases).toEqual([]);
    await workers.report(second ?? "", [{ type: "complete", ...(held[0] ?? { itemId: "", token: 0 }) }]);
    const next = await workers.claim(second ?? "", { limit: 3, held: held.slice(1) });
    expect(next.leases.map(({ key }) => key)).toEqual(["b"]);
  });

  test("estimates learn from what it did", async () => {
    const scene = await open(store, { concurrency: 1 });
    const { workers, id, time } = scene;
    const batch = await submit(scene, { items: Array.from({ length: 30 }, (_, index) => `item-${index}`) });
    for (let done = 0; done < 10; done++) {
      const lease = await claimOne(scene);
      await time.pass(2_000);
      await workers.report(id, [{ type: "complete", ...named(lease) }]);
    }
    await time.pass(2_000);
    const { estimate } = await batch.snapshot();
    expect(estimate?.median).toBeGreaterThan(30);
    expect(estimate?.median).toBeLessThan(60);
  });
});

test("a restart of the engine changes nothing for a worker outside", async () => {
  const location = join(temporaryFolder(), "work.db");
  const reopen = async (): Promise<Milepost> => {
    const milepost = await openMilepost(location, { logger: SILENT });
    onTestFinished(() => milepost.close());
    return milepost;
  };
  const first = await reopen();
  const { id: batchId } = await first.submit({ pipeline: "p", items: ["a", "b"], timeoutMs: 60_000 });
  const { id } = await first.remoteWorkers().open({ name: "outside", queues: ["p"], concurrency: 2 });
  const scene = { workers: first.remoteWorkers(), id: id ?? "", milepost: first, time: new ManualTime() };
  const lease = await claimOne(scene);
  await first.close();
  const second = await reopen();
  const workers = second.remoteWorkers();
  const told = await workers.heartbeat(scene.id, { held: [named(lease)], confirmed: null });
  expect(told.orders).toEqual([{ ...named(lease), order: "go-on" }]);
  expect(await workers.report(scene.id, [{ type: "complete", ...named(lease) }])).toEqual(["recorded"]);
  expect((await workers.claim(scene.id, { limit: 9, held: [] })).leases).toMatchObject([{ key: "b" }]);
  expect(await second.batch(batchId).snapshot()).toMatchObject({ counts: { completed: 1, processing: 1 } });
});
