import assert from "node:assert/strict";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

/** Finding items by what people know of them, and acting on those that failed alike. */
export const searchCases: readonly ConformanceCase[] = [
  caseOf(
    "items are found by a part of their key or filename, between two numbers, whatever is in the text",
    async (t) => {
      const named = (filename: unknown) => JSON.stringify({ filename });
      const made = await t.batch({
        items: [
          { key: "Holiday-01.JPG" },
          { key: "k1", input: named("holiday_02.jpg") },
          { key: "k2", input: JSON.stringify({ path: "holiday" }) },
          { key: "k3", input: named(["holiday"]) },
          { key: "100%", input: JSON.stringify("holiday") },
          { key: "Ärger 'a' \\ \"b\"" },
        ],
      });
      await t.batch({ items: ["holiday"] });
      const [n0 = 0, n1 = 0, , , n4, n5] = made.items;
      const list = async (search: string, query: object = {}) =>
        (await t.store.items({ batch: made.number, limit: 10, search, ...query })).map(({ number }) => number);
      assert.deepEqual(await list("holiday"), [n0, n1]);
      assert.deepEqual(await list("HOLIDAY"), [n0, n1]);
      assert.deepEqual(await list("holiday", { limit: 1 }), [n0]);
      assert.deepEqual(await list("holiday", { after: n0 }), [n1]);
      assert.deepEqual(await list("holiday", { until: n0 }), [n0]);
      assert.deepEqual(await list("day_0"), [n1], "no character stands for others");
      assert.deepEqual(await list("%"), [n4]);
      assert.deepEqual(await list("Ärger 'A' \\ \"B\""), [n5]);
      assert.deepEqual(await list("nowhere"), []);
      await t.fail({ item: n1 }, { error: { message: "no" } });
      assert.deepEqual(await list("holiday", { state: "failed" }), [n1]);
      assert.deepEqual(await list("holiday", { state: "pending" }), [n0]);
      assert.deepEqual(await list("holiday", { errorMessage: "no" }), [n1]);
      assert.deepEqual(await list("holiday", { errorMessage: "other" }), []);
      assert.deepEqual(await list("holiday", { stage: "one" }), []);
      const between = await t.store.items({ batch: made.number, after: n0, until: n1, limit: 10 });
      assert.deepEqual(
        between.map(({ number }) => number),
        [n1],
        "an end without a search",
      );
    },
  ),
  caseOf("a retry of the items of one message leaves all others", async (t) => {
    const made = await t.batch({ items: 5 });
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = made.items;
    await t.fail({ item: a }, { error: { message: "often" } });
    await t.fail({ item: b }, { error: { message: "seldom" } });
    await t.fail({ item: c }, { error: { message: "often" } });
    await t.command({ type: "cancel", target: { item: d } });
    await t.complete({ item: e });
    const retry = { type: "retry", target: { batch: made.number }, failedOnly: false } as const;
    assert.equal((await t.commandWhole({ ...retry, errorMessage: "never" })).changed, 0);
    assert.equal((await t.row(made.number)).epoch, 1, "what changes nothing opens nothing");
    assert.equal((await t.commandWhole({ ...retry, errorMessage: "often" })).changed, 2);
    const states = await Promise.all(made.items.map(async (item) => (await t.item(item)).state));
    assert.deepEqual(states, ["pending", "failed", "pending", "cancelled", "completed"]);
    assert.equal((await t.row(made.number)).endedAt, null);
  }),
];
