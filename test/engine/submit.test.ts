import { describe, expect, test } from "vitest";
import type { Verdict } from "../../src/index.ts";
import { openForTest, STORES } from "../support/open-for-test.ts";

describe.each(STORES)("submit on %s", (store) => {
  test("is idempotent by name and key, with a verdict for each item", async () => {
    const milepost = await openForTest(store);
    const first = await milepost.submit({ pipeline: "p", name: "photos", items: ["a", "b", "a"] });
    expect(first).toMatchObject({ isNew: true, added: 2, known: 0, duplicate: 1 });
    const verdicts: Verdict[] = [];
    const again = await milepost.submit({
      pipeline: "p",
      name: "photos",
      items: ["b", "c", "c"],
      onVerdict: (v) => verdicts.push(v),
    });
    expect(again).toMatchObject({ isNew: false, id: first.id, added: 1, known: 1, duplicate: 1 });
    expect(verdicts).toEqual([
      { key: "b", verdict: "known" },
      { key: "c", verdict: "added" },
      { key: "c", verdict: "duplicate" },
    ]);
  });

  test("new items reopen a finished batch, once; the same items again change nothing", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("p", () => {});
    await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "p", name: "folder", items: ["a"] });
    const ended = await batch.done();
    await milepost.submit({ pipeline: "p", name: "folder", items: ["a"] });
    expect((await batch.snapshot()).version).toBe(ended.version);
    await milepost.submit({ pipeline: "p", name: "folder", items: ["a", "b"] });
    const grown = await batch.done();
    expect(grown).toMatchObject({ epoch: ended.epoch + 1, counts: { completed: 2 } });
  });

  test("an open batch ends only after it is sealed; an empty one is completed", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("p", () => {});
    const worker = await milepost.work();
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a"], seal: false });
    await batch.add(["b"]);
    await worker.idle();
    expect(await batch.snapshot()).toMatchObject({
      isSealed: false,
      endedAt: null,
      percent: null,
      counts: { completed: 2 },
    });
    await batch.seal();
    expect(await batch.done()).toMatchObject({ status: "completed", outcome: "success" });
    const empty = await milepost.submit({ pipeline: "p", items: [] });
    expect(await empty.batch.snapshot()).toMatchObject({ status: "completed", outcome: "success", percent: 100 });
  });

  test("streams: 5,000 items from an async generator, seen in order", async () => {
    const milepost = await openForTest(store);
    async function* source(): AsyncGenerator<string> {
      for (let index = 0; index < 5_000; index++) yield `n${index}`;
    }
    const { batch, added, verdicts } = await milepost.submit({ pipeline: "p", items: source() });
    expect(added).toBe(5_000);
    expect(verdicts).toHaveLength(5_000);
    const page = await batch.items({ limit: 1_000 });
    const next = await batch.items({ limit: 1_000, after: page.nextCursor ?? "" });
    expect([page.items[0]?.key, next.items[0]?.key]).toEqual(["n0", "n1000"]);
  });

  test("a source that throws half-way leaves nothing behind", async () => {
    const milepost = await openForTest(store);
    function* source(): Generator<string> {
      for (let index = 0; index < 2_500; index++) yield `n${index}`;
      throw new Error("the disk was pulled");
    }
    await expect(milepost.submit({ pipeline: "p", name: "half", items: source() })).rejects.toThrow(
      "the disk was pulled",
    );
    expect((await milepost.batches()).batches).toEqual([]);
  });

  test.each([
    ["an empty key", [""], "INVALID_ARGUMENT"],
    ["a key with NUL", ["a\0b"], "INVALID_ARGUMENT"],
    ["a key that is no text", [7 as unknown as string], "INVALID_ARGUMENT"],
    ["an input with a Date", [{ key: "a", input: new Date() as never }], "NOT_JSON"],
    ["an input with a BigInt", [{ key: "a", input: 1n as never }], "NOT_JSON"],
    ["a fractional priority", [{ key: "a", priority: 1.5 }], "INVALID_ARGUMENT"],
    ["an unknown priority", [{ key: "a", priority: "highest" as "high" }], "INVALID_ARGUMENT"],
  ])("%s is refused before anything is written", async (_name, items, code) => {
    const milepost = await openForTest(store);
    await expect(milepost.submit({ pipeline: "p", items: ["fine", ...items] })).rejects.toMatchObject({ code });
    expect((await milepost.batches()).batches).toEqual([]);
  });

  test("a name that belongs to another pipeline is a conflict; calls after close say so", async () => {
    const milepost = await openForTest(store);
    await milepost.submit({ pipeline: "p", name: "x", items: ["a"] });
    await expect(milepost.submit({ pipeline: "q", name: "x", items: ["a"] })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    await milepost.close();
    await milepost.close();
    await expect(milepost.submit({ pipeline: "p", items: [] })).rejects.toMatchObject({ code: "CLOSED" });
  });
});
