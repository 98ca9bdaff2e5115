import { describe, expect, test } from "vitest";
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
