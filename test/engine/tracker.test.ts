import { describe, expect, onTestFinished, test } from "vitest";
import { MilepostError } from "../../src/core/errors.ts";
import { Milepost } from "../../src/engine/milepost.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { openForTest, STORES } from "../support/open-for-test.ts";

describe.each(STORES)("a tracker on %s", (store) => {
  test("reports progress, ends and releases under its leases", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a", "b", "c"] });
    const [a, b, c] = (await batch.items()).items.map(({ id }) => id) as [string, string, string];
    const tracker = await milepost.track();
    expect(await tracker.start([a, b])).toEqual([a, b]);
    expect(await tracker.progress([a], { stage: "read", done: 1, total: 2, unit: "page" })).toEqual([a]);
    expect(await batch.item("a").snapshot()).toMatchObject({ state: "processing", fraction: 0.5 });
    await tracker.release([b], { page: 1 });
    await tracker.complete([a], { words: 3 });
    await tracker.fail([b], new Error("cannot"));
    await tracker.complete([c]);
    expect(await batch.snapshot()).toMatchObject({ outcome: "partial", counts: { completed: 2, failed: 1 } });
    expect(await batch.item("b").snapshot()).toMatchObject({ error: { message: "cannot" }, attempts: 2 });
  });

  test("amends nothing once it was closed, and says so at once", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    const tracker = await milepost.track();
    await tracker.close();
    const late = tracker.amend(batch, "a", () => ({ type: "complete", output: null }));
    await expect(late).rejects.toMatchObject({ code: "CLOSED" });
    expect(await batch.item("a").snapshot()).toMatchObject({ state: "pending" });
  });

  test("records nothing once it was closed, of what it held as of what waits", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a", "b"] });
    const ids = (await batch.items()).items.map(({ id }) => id);
    const tracker = await milepost.track();
    await tracker.start(ids.slice(0, 1));
    await tracker.close();
    for (const report of [
      tracker.start(ids),
      tracker.progress(ids, { done: 1, total: 2 }),
      tracker.complete(ids),
      tracker.fail(ids, "late"),
      tracker.release(ids),
    ]) {
      await expect(report).rejects.toMatchObject({ code: "CLOSED" });
    }
    expect((await batch.snapshot()).counts).toMatchObject({ pending: 2, completed: 0, failed: 0 });
  });

  test("a late report is refused however often it is made, and changes nothing", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    const id = (await batch.items()).items[0]?.id ?? "";
    const tracker = await milepost.track();
    await tracker.start([id]);
    await batch.item("a").cancel();
    await batch.item("a").retry();
    const before = await batch.item("a").snapshot();
    for (let time = 0; time < 3; time++) expect(await tracker.complete([id])).toEqual([]);
    expect(await tracker.fail([id], "late")).toEqual([]);
    expect(tracker.isHolding(id)).toBe(false);
    expect(await batch.item("a").snapshot()).toEqual(before);
    expect(await tracker.start([id])).toEqual([id]);
    expect(await tracker.complete([id])).toEqual([id]);
  });

  test("several trackers amend one item, each by what the one before left", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "outside", queue: "shared", items: ["a", "b"] });
    const trackers = [await milepost.track(), await milepost.track()];
    const visits = Array.from({ length: 10 }, async (_, index) =>
      trackers[index % 2]?.amend(batch, "a", ({ saved }) => {
        const count = typeof saved === "number" ? saved + 1 : 1;
        return { type: "progress", progress: { stage: "visited" }, fraction: count / 20, saved: count };
      }),
    );
    await Promise.all(visits);
    const item = milepost.queue("shared").item("a");
    expect(await item.snapshot({ withSaved: true })).toMatchObject({ state: "processing", fraction: 0.5, saved: 10 });
    expect(await item.snapshot()).not.toHaveProperty("saved");
    await trackers[1]?.close();
    expect(await item.snapshot({ withSaved: true })).toMatchObject({ state: "pending", saved: 10 });
    const output = { visits: 10 };
    await trackers[0]?.amend(batch, "a", ({ saved }) => ({ type: "complete", output: { visits: saved } }));
    expect(await item.snapshot()).toMatchObject({ state: "completed", output });
    await trackers[0]?.amend(batch, "b", () => ({ type: "fail", error: new Error("no"), saved: 1 }));
    expect(await batch.snapshot()).toMatchObject({ outcome: "partial", counts: { completed: 1, failed: 1 } });
    const again = trackers[0]?.amend(batch, "b", () => ({ type: "complete", output: null }));
    await expect(again).rejects.toMatchObject({ code: "CONFLICT" });
    const unknown = trackers[0]?.amend(batch, "c", () => ({ type: "complete", output: null }));
    await expect(unknown).rejects.toMatchObject({ code: "NOT_FOUND" });
    const newest = await batch.items({ order: "newest", limit: 1 });
    expect(newest.items.map(({ key }) => key)).toEqual(["b"]);
    const older = await batch.items({ order: "newest", limit: 1, after: newest.nextCursor ?? "" });
    expect(older.items.map(({ key }) => key)).toEqual(["a"]);
  });

  test.each([{ done: Number.NaN, total: 1 }, { done: 2, total: 1 }, { stage: "" }])(
    "refuses progress that cannot be: %o",
    async (progress) => {
      const milepost = await openForTest(store);
      const { batch } = await milepost.submit({ pipeline: "outside", items: ["a"] });
      const tracker = await milepost.track();
      const won = await tracker.start((await batch.items()).items.map(({ id }) => id));
      await expect(tracker.progress(won, progress)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    },
  );
});

describe("a tracker that does not hear the answer of a store", () => {
  /** An engine on a memory store that carries out the next call of `method` and fails to say so. */
  function openDeaf(): {
    readonly milepost: Milepost;
    readonly lose: (method: "claim" | "record") => void;
    readonly clock: ManualClock;
  } {
    const clock = new ManualClock();
    const store = createMemoryStore({ clock });
    let lost: "claim" | "record" | null = null;
    const heard = async <T>(method: "claim" | "record", call: Promise<T>): Promise<T> => {
      const answer = await call;
      if (lost !== method) return answer;
      lost = null;
      throw new MilepostError("STORE_UNAVAILABLE", "the answer was lost");
    };
    const deaf: Store = {
      ...store,
      claim: (request) => heard("claim", store.claim(request)),
      record: (reports, now) => heard("record", store.record(reports, now)),
    };
    const self = { host: "here", pid: 1, birth: "now" };
    const host = { self, isDead: () => false };
    const milepost = new Milepost({ store: deaf, clock, random: new SeededRandom(1), host, logger: SILENT });
    onTestFinished(() => milepost.close());
    return { milepost, clock, lose: (method) => (lost = method) };
  }

  /** Lets time pass until the promise has settled. */
  async function settled<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
    let isSettled = false;
    void promise.finally(() => (isSettled = true)).catch(() => {});
    while (!isSettled) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    return promise;
  }

  test.each(["claim", "record"] as const)("wins what it asked for, though a %s went unanswered", async (method) => {
    const { milepost, clock, lose } = openDeaf();
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    const ids = (await batch.items()).items.map(({ id }) => id);
    const tracker = await milepost.track();
    lose(method);
    expect(await settled(clock, tracker.start(ids))).toEqual(ids);
    expect(await settled(clock, tracker.complete(ids))).toEqual(ids);
  });

  test.each(["complete", "fail"] as const)("is told of its %s, once", async (end) => {
    const { milepost, clock, lose } = openDeaf();
    const { batch } = await milepost.submit({ pipeline: "outside", items: ["a"] });
    const ids = (await batch.items()).items.map(({ id }) => id);
    const tracker = await milepost.track();
    await settled(clock, tracker.start(ids));
    lose("record");
    const give = (): Promise<readonly string[]> => (end === "fail" ? tracker.fail(ids, "no") : tracker.complete(ids));
    expect(await settled(clock, give())).toEqual(ids);
    expect(await settled(clock, give())).toEqual([]);
  });
});
