import { describe, expect, test } from "vitest";
import { openForTest, STORES } from "../support/open-for-test.ts";

describe.each(STORES)("handles on %s", (store) => {
  test("an id of another batch's item is not found, and nothing happens to the item of the same number", async () => {
    const milepost = await openForTest(store);
    const one = (await milepost.submit({ pipeline: "p", name: "one", items: ["a"] })).batch;
    const two = (await milepost.submit({ pipeline: "p", name: "two", items: ["a"] })).batch;
    const foreign = (await two.items()).items[0]?.id ?? "";
    await expect(one.item(foreign).cancel()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(one.items({ after: foreign })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await one.snapshot()).counts.cancelled).toBe(0);
    expect((await milepost.item(foreign).snapshot()).key).toBe("a");
  });

  test("what is not there is NOT_FOUND, whoever is asked", async () => {
    const milepost = await openForTest(store);
    const id = "01900000-0000-7000-8000-000000000000";
    for (const batch of [milepost.batch("nobody"), milepost.batch(id)]) {
      await expect(batch.snapshot()).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(batch.pause()).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(batch.watch().next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(milepost.item(id).cancel()).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(milepost.queue("nobody").snapshot()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("with an owner, somebody else's batch and items are like those that are not there", async () => {
    const milepost = await openForTest(store);
    const { id, batch } = await milepost.submit({ pipeline: "p", owner: "one", items: ["a"] });
    const itemId = (await batch.items()).items[0]?.id ?? "";
    for (const handle of [milepost.batch(id), milepost.batch(id, { owner: "one" })]) {
      expect(await handle.snapshot()).toMatchObject({ id, owner: "one" });
    }
    expect(await milepost.item(itemId, { owner: "one" }).snapshot()).toMatchObject({ key: "a" });
    const absent = "01900000-0000-7000-8000-000000000000";
    const messageOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: Error) => error.message);
    for (const owner of ["two", ""]) {
      const missing = await messageOf(milepost.batch(absent, { owner }).snapshot());
      expect(missing).toBe(await messageOf(milepost.batch(absent).snapshot()));
      const foreign = milepost.batch(id, { owner });
      for (const call of [
        foreign.snapshot(),
        foreign.items(),
        foreign.item("a").snapshot(),
        foreign.changes({ since: 0 }),
        foreign.cancel(),
        foreign.remove(),
        foreign.add(["b"]),
      ]) {
        expect(await messageOf(call)).toBe(String(missing).replace(absent, id));
      }
      await expect(milepost.item(itemId, { owner }).cancel()).rejects.toMatchObject({ code: "NOT_FOUND" });
      await expect(milepost.batches({ owner, after: id })).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await milepost.versions([id], { owner })).toEqual(new Map());
    }
    expect((await batch.snapshot()).counts).toMatchObject({ total: 1, pending: 1 });
  });

  test("what cannot name an item is refused, the same by every store", async () => {
    const milepost = await openForTest(store);
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a"] });
    for (const key of [undefined, null, 5, {}, []] as unknown as readonly string[]) {
      for (const name of [() => batch.item(key), () => batch.item({ key }), () => milepost.queue("p").item(key)]) {
        expect(name).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      }
    }
  });

  test("changes are resumable from any version, gap-free, with removals", async () => {
    const milepost = await openForTest(store);
    milepost.pipeline("p", () => {});
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a", "b", "c"] });
    const { version } = await batch.snapshot();
    await batch.item("b").remove();
    await milepost.work();
    await batch.done();
    const changes = await batch.changes({ since: version });
    expect(changes).toMatchObject({ isResumable: true, hasMore: false });
    expect(changes.items.map(({ key, state }) => [key, state])).toEqual([
      ["a", "completed"],
      ["c", "completed"],
    ]);
    expect(changes.removals.map(({ key }) => key)).toEqual(["b"]);
    expect((await batch.changes({ since: changes.version })).items).toEqual([]);
    expect((await batch.changes({ since: changes.version + 1 })).isResumable).toBe(false);
  });

  test("batches are listed newest first, in pages", async () => {
    const milepost = await openForTest(store);
    for (const name of ["a", "b", "c"]) await milepost.submit({ pipeline: "p", name, items: ["x"] });
    const first = await milepost.batches({ limit: 2 });
    expect(first.batches.map(({ name }) => name)).toEqual(["c", "b"]);
    const second = await milepost.batches({ limit: 2, after: first.nextCursor ?? "" });
    expect(second.batches.map(({ name }) => name)).toEqual(["a"]);
    expect(second.nextCursor).toBeNull();
  });
});
