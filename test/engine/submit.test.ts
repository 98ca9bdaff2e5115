import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { batchIdFrom } from "../../src/core/ids.ts";
import type { Verdict } from "../../src/index.ts";
import { openForTest, STORES, signal } from "../support/open-for-test.ts";

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

describe.each(STORES)("a submission that its caller names, on %s", (store) => {
  const request = { key: "k", fingerprint: "f" };
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `item-${index}`);

  test("is carried out once, and its repeat reads nothing and counts the same", async () => {
    const milepost = await openForTest(store);
    const items = [...many(2_500), "item-7"];
    const first = await milepost.submit({ pipeline: "p", items, request });
    expect(first).toMatchObject({ isNew: true, isRepeat: false, added: 2_500, duplicate: 1 });
    const again = await milepost.submit({ pipeline: "p", items, request });
    expect(again).toMatchObject({
      isNew: false,
      isRepeat: true,
      id: first.id,
      added: 2_500,
      duplicate: 1,
      verdicts: [],
    });
    const other = milepost.submit({ pipeline: "p", items, request: { ...request, fingerprint: "g" } });
    await expect(other).rejects.toMatchObject({ code: "CONFLICT", details: { reason: "other-request" } });
    expect((await milepost.batches()).batches).toHaveLength(1);
  });

  test("cannot be made while it is under way, and goes on under its own id", async () => {
    const milepost = await openForTest(store);
    const id = batchIdFrom(Date.now(), randomBytes(10));
    const halfWay = signal();
    const goOn = signal();
    const slow = async function* (): AsyncGenerator<string> {
      yield* many(1_500);
      halfWay.give();
      await goOn.wait;
    };
    const under = milepost.submit({ pipeline: "p", id, items: slow(), request });
    await halfWay.wait;
    const meanwhile = milepost.submit({ pipeline: "p", items: many(1_500), request });
    await expect(meanwhile).rejects.toMatchObject({ code: "CONFLICT", details: { reason: "in-flight" } });
    // As after the death of the process: the same is submitted under the same id.
    const again = await milepost.submit({ pipeline: "p", id, items: many(1_500), request });
    expect(again).toMatchObject({ id, isNew: false, isRepeat: false, known: 1_000, added: 500 });
    goOn.give();
    expect(await under).toMatchObject({ id });
    expect(await milepost.batch(id).snapshot()).toMatchObject({ isSealed: true, counts: { total: 1_500 } });
  });

  test("that fails half-way leaves nothing of it, and can be made again", async () => {
    const milepost = await openForTest(store);
    const broken = function* (): Generator<string> {
      yield* many(1_200);
      throw new Error("the source ended");
    };
    await expect(milepost.submit({ pipeline: "p", items: broken(), request })).rejects.toThrow("the source ended");
    await milepost.submit({ pipeline: "p", name: "grows", items: ["first"] });
    const grow = milepost.submit({ pipeline: "p", name: "grows", items: broken(), request });
    await expect(grow).rejects.toThrow("the source ended");
    const good = await milepost.submit({ pipeline: "p", items: many(3), request });
    expect(good).toMatchObject({ isNew: true, isRepeat: false, added: 3 });
    const added = { key: "added", fingerprint: "f" };
    expect(await good.batch.add(["more"], { request: added })).toMatchObject({ added: 1, isRepeat: false });
    expect(await good.batch.add(["more"], { request: added })).toMatchObject({ added: 1, isRepeat: true });
  });

  test.each(["", "x", "0190a8f0-0000-4000-8000-000000000000", "0190A8F0-0000-7000-8000-000000000000"])(
    "refuses the id %o",
    async (id) => {
      const milepost = await openForTest(store);
      const submitting = milepost.submit({ pipeline: "p", id, items: ["a"] });
      await expect(submitting).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    },
  );

  test("whoever subscribes hears of commits until he leaves", async () => {
    const milepost = await openForTest(store);
    const heard = signal<boolean>();
    const leave = milepost.subscribe(heard.give);
    await milepost.submit({ pipeline: "p", items: ["a"] });
    expect(await heard.wait).toBeTypeOf("boolean");
    leave();
  });
});
