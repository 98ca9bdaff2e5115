import assert from "node:assert/strict";
import { MilepostError } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

/** Reads for people and programs. */
export const readCases: readonly ConformanceCase[] = [
  caseOf("a batch is found by number, id, name and the id of an item", async (t) => {
    await t.batch({ items: 1 });
    const made = await t.batch({ name: "n", owner: "o", items: 3 });
    const row = await t.row(made.number);
    const { id: itemId } = await t.item(made.items[2] ?? 0);
    for (const ref of [{ id: row.id }, { owner: "o", name: "n" }, { itemId }])
      assert.deepEqual(await t.store.batch(ref), row);
    const unknown = [
      { number: 99 },
      { id: itemId },
      { owner: "o", name: "m" },
      { owner: "p", name: "n" },
      { itemId: row.id },
      { itemId: "x" },
    ];
    for (const ref of unknown) assert.equal(await t.store.batch(ref), null);
  }),
  caseOf("with an owner, a batch of somebody else is not found by its id, nor by that of an item", async (t) => {
    const theirs = await t.row((await t.batch({ owner: "theirs", items: 1 })).number);
    const nobodys = await t.row((await t.batch({ owner: "", items: 1 })).number);
    for (const row of [theirs, nobodys]) {
      const [item] = await t.store.items({ batch: row.number, limit: 1 });
      for (const ref of [{ id: row.id }, { itemId: item?.id ?? "" }]) {
        for (const owner of ["theirs", "", "others", "Theirs", "their", "theirs'"])
          assert.deepEqual(await t.store.batch({ ...ref, owner }), owner === row.owner ? row : null);
        assert.deepEqual(await t.store.batch(ref), row);
      }
    }
    const ids = [theirs.id, nobodys.id];
    for (const asked of [ids, null]) {
      for (const owner of ["theirs", "", "others"]) {
        const own = [theirs, nobodys].filter((row) => row.owner === owner);
        assert.deepEqual(await t.store.versions(asked, owner), new Map(own.map(({ id, version }) => [id, version])));
      }
      assert.deepEqual([...(await t.store.versions(asked)).keys()].toSorted(), ids.toSorted());
    }
  }),
  caseOf("batches come newest first, in pages, by owner, queue, status and end", async (t) => {
    const numbers: number[] = [];
    for (let index = 0; index < 7; index++) {
      const made = await t.batch({ owner: index % 2 === 0 ? "even" : "odd", queue: index < 3 ? "a" : "b", items: 1 });
      numbers.unshift(made.number);
      if (index === 1) await t.complete({ item: made.items[0] ?? 0 });
      if (index === 2) await t.fail({ item: made.items[0] ?? 0 });
      if (index === 3) await t.commandWhole({ type: "cancel", target: { batch: made.number } });
      if (index === 4) await t.command({ type: "pause", target: { batch: made.number } });
    }
    const [n6, n5, n4, n3, n2, n1, n0] = numbers;
    const list = async (query: object) => {
      const rows = await t.store.batches({ limit: 10, ...query });
      const isPage = "limit" in query || "before" in query;
      if (!isPage) assert.equal(await t.store.countBatches(query), rows.length);
      return rows.map((row) => row.number);
    };
    assert.deepEqual(await list({}), numbers);
    assert.deepEqual(await list({ limit: 2 }), [n6, n5]);
    assert.deepEqual(await list({ limit: 3, before: n5 }), [n4, n3, n2]);
    assert.deepEqual(await list({ owner: "odd" }), [n5, n3, n1]);
    assert.deepEqual(await list({ queue: "a" }), [n2, n1, n0]);
    assert.deepEqual(await list({ isEnded: true }), [n3, n2, n1]);
    assert.deepEqual(await list({ isEnded: false, owner: "even" }), [n6, n4, n0]);
    assert.deepEqual(await list({ statuses: ["completed"] }), [n1]);
    assert.deepEqual(await list({ statuses: ["failed", "cancelled"] }), [n3, n2]);
    assert.deepEqual(await list({ statuses: ["paused"] }), [n4]);
    assert.deepEqual(await list({ statuses: ["pending"], limit: 2 }), [n6, n5]);
    assert.deepEqual(await list({ statuses: ["processing"] }), []);
    assert.equal(await t.store.countBatches({ endedSince: t.clock.now() + 1 }), 0);
    await t.command({ type: "remove", target: { batch: n1 ?? 0 } });
    assert.deepEqual(await list({}), [n6, n5, n4, n3, n2, n0]);
  }),
  caseOf("items come from the newest down, in pages, by state, stage and error", async (t) => {
    const made = await t.batch({ items: 6 });
    await t.batch({ items: 2 });
    const leases = await t.claim(await t.worker(), { batch: made.number, limit: 4 });
    const [n0 = 0, n1 = 0, n2 = 0, n3 = 0, n4, n5] = made.items;
    for (const lease of leases) await t.progress(lease, 0.5, lease.item === n3 ? "two" : "one");
    for (const lease of leases.slice(0, 2)) await t.fail(lease, { error: { message: "no" } });
    await t.command({ type: "remove", target: { item: n1 } });
    const list = async (query: object) =>
      (await t.store.items({ batch: made.number, isNewestFirst: true, limit: 10, ...query })).map(
        ({ number }) => number,
      );
    assert.deepEqual(await list({}), [n5, n4, n3, n2, n0]);
    assert.deepEqual(await list({ limit: 2 }), [n5, n4]);
    assert.deepEqual(await list({ limit: 2, after: n4 }), [n3, n2]);
    assert.deepEqual(await list({ after: n0 }), []);
    assert.deepEqual(await list({ state: "pending" }), [n5, n4]);
    assert.deepEqual(await list({ state: "processing" }), [n3, n2]);
    assert.deepEqual(await list({ stage: "one" }), [n2]);
    assert.deepEqual(await list({ errorMessage: "no" }), [n0]);
    assert.deepEqual(await list({ errorMessage: "no", state: "pending" }), []);
  }),
  caseOf("an item is found in the newest batch of a queue that has it", async (t) => {
    const older = await t.batch({ queue: "a", owner: "one", items: ["x", "y"] });
    const newer = await t.batch({ queue: "a", owner: "two", items: ["z", "y"] });
    const other = await t.batch({ queue: "b", items: ["y"] });
    const find = async (queue: string, key: string, owner: object = {}) =>
      (await t.store.item({ queue, key, ...owner }))?.item.number;
    assert.equal(await find("a", "y"), newer.items[1]);
    assert.equal(await find("a", "x"), older.items[0]);
    assert.equal(await find("a", "y", { owner: "one" }), older.items[1]);
    assert.equal(await find("b", "y"), other.items[0]);
    assert.equal(await find("b", "x"), undefined);
    assert.equal(await find("c", "y"), undefined);
    await t.commandWhole({ type: "remove", target: { batch: newer.number } });
    assert.equal(await find("a", "y"), older.items[1]);
  }),
  caseOf("the versions of many batches come in one read, and those of all that have not ended", async (t) => {
    const made = [await t.batch({ items: 1 }), await t.batch({ items: 1 }), await t.batch({ items: 1, seal: false })];
    await t.complete({ item: made[0]?.items[0] ?? 0 });
    const rows = await Promise.all(made.map(({ number }) => t.row(number)));
    const expected = new Map(rows.map(({ id, version }) => [id, version]));
    assert.deepEqual(await t.store.versions([...expected.keys(), "x"]), expected);
    assert.deepEqual(await t.store.versions([]), new Map());
    const [ended, removed, open] = rows.map(({ id }) => id);
    expected.delete(ended ?? "");
    assert.deepEqual(await t.store.versions(null), expected);
    await t.commandWhole({ type: "remove", target: { batch: made[1]?.number ?? 0 } });
    assert.deepEqual([...(await t.store.versions([removed ?? "", open ?? ""])).keys()], [open]);
  }),
  caseOf("batches that ended since a moment are those that ended then or later", async (t) => {
    const numbers: number[] = [];
    const from = t.clock.now();
    for (const key of ["a", "b", "c"]) {
      const made = await t.batch({ items: [key] });
      await t.complete({ item: made.items[0] ?? 0 });
      numbers.unshift(made.number);
      t.clock.advance(1_000);
    }
    await t.batch({ items: 1 });
    const list = async (query: object) => (await t.store.batches({ limit: 10, ...query })).map((row) => row.number);
    assert.deepEqual(await list({ endedSince: from }), numbers);
    assert.deepEqual(await list({ endedSince: from + 1_000 }), numbers.slice(0, 2));
    assert.deepEqual(await list({ endedSince: from + 1_001, before: numbers[0] }), []);
    assert.deepEqual(await list({ endedSince: from + 2_001 }), []);
  }),
  caseOf("items come in order of submission, in pages, by state, stage and error", async (t) => {
    const made = await t.batch({
      items: 10,
      stages: [
        { name: "one", weight: 1 },
        { name: "two", weight: 1 },
      ],
    });
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 6 });
    for (const [index, lease] of leases.entries()) {
      if (index < 2) await t.progress(lease, 0.1, "one");
      else if (index === 2) await t.progress(lease, 0.6, "two");
      else await t.fail(lease, { error: { message: index === 3 ? "rare" : "common" } });
    }
    const list = async (query: object) =>
      (await t.store.items({ batch: made.number, limit: 100, ...query })).map((item) =>
        made.items.indexOf(item.number),
      );
    assert.deepEqual(await list({}), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(await list({ limit: 3, after: made.items[4] }), [5, 6, 7]);
    assert.deepEqual(await list({ state: "processing" }), [0, 1, 2]);
    assert.deepEqual(await list({ state: "pending", after: made.items[7] }), [8, 9]);
    assert.deepEqual(await list({ state: "completed" }), []);
    assert.deepEqual(await list({ stage: "one" }), [0, 1]);
    assert.deepEqual(await list({ state: "processing", stage: "two" }), [2]);
    assert.deepEqual(await list({ errorMessage: "common" }), [4, 5]);
    assert.deepEqual(await list({ state: "failed", errorMessage: "common", limit: 1 }), [4]);
    assert.deepEqual(await list({ batch: 99 }), []);
  }),
  caseOf("pending items come in order of submission, whatever they wait for", async (t) => {
    const items = Array.from({ length: 12 }, (_, index) => ({ key: `item-${index}`, priority: (index * 5) % 3 }));
    const made = await t.batch({ items });
    const worker = await t.worker();
    const [done, waits, runs] = await t.claim(worker, { limit: 4 });
    assert.ok(done !== undefined && waits !== undefined && runs !== undefined);
    await t.complete(done);
    await t.fail(waits, { retryAt: t.clock.now() + 1_000 });
    await t.start(runs);
    await t.command({ type: "hold", target: { item: made.items[1] ?? 0 } });
    const query = { batch: made.number, state: "pending" } as const;
    const expected = made.items.filter((item) => item !== done.item && item !== runs.item);
    const whole = await t.store.items({ ...query, limit: 100 });
    assert.deepEqual(
      whole.map((item) => item.number),
      expected,
    );
    const paged: number[] = [];
    for (let after = 0; ; ) {
      const page = await t.store.items({ ...query, after, limit: 3 });
      paged.push(...page.map((item) => item.number));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.number;
    }
    assert.deepEqual(paged, expected);
  }),
  caseOf("an item is found by number and by key, with its attempts oldest first", async (t) => {
    const made = await t.batch({ items: ["a"], policy: { attempts: 99 } });
    const number = made.items[0] ?? 0;
    const worker = await t.worker();
    const runs = LIMITS.attemptsPerItem + 5;
    for (let run = 1; run <= runs; run++) {
      const lease = await t.claimOne(worker);
      await t.start(lease);
      if (run < runs) await t.fail(lease, { retryAt: t.clock.now(), error: { message: `run ${run}` } });
    }
    const detail = await t.store.item({ number });
    assert.deepEqual(await t.store.item({ batch: made.number, key: "a" }), detail);
    const attempts = detail?.attempts ?? [];
    assert.equal(detail?.item.attempts, runs);
    assert.ok(attempts.length <= LIMITS.attemptsPerItem + 1, "old attempts are dropped");
    assert.deepEqual(
      attempts.slice(-2).map((attempt) => attempt.error?.message ?? null),
      [`run ${runs - 1}`, null],
    );
    const tokens = attempts.map((attempt) => attempt.token);
    assert.deepEqual(
      tokens,
      [...tokens].sort((a, b) => a - b),
    );
    assert.equal(await t.store.item({ number: number + 1 }), null);
    assert.equal(await t.store.item({ batch: made.number, key: "b" }), null);
    assert.equal(await t.store.item({ batch: 99, key: "a" }), null);
  }),
  caseOf("failures are grouped by message, most first, and running items by stage", async (t) => {
    const made = await t.batch({
      items: 9,
      stages: [
        { name: "one", weight: 1 },
        { name: "two", weight: 1 },
      ],
    });
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 8 });
    const messages = ["often", "often", "often", "seldom", "ünüsual 'quoted'"];
    for (const [index, lease] of leases.entries()) {
      const message = messages[index];
      if (message !== undefined)
        await t.fail(lease, { error: { message, code: message === "often" ? "E_OFTEN" : null } });
      else await t.progress(lease, 0.1, index === 5 ? "two" : "one");
    }
    const { failures, stages } = await t.store.breakdown(made.number);
    assert.deepEqual(failures.map((group) => [group.message, group.code, group.items]).slice(0, 1), [
      ["often", "E_OFTEN", 3],
    ]);
    assert.deepEqual(
      new Map(failures.map((group) => [group.message, group.items])),
      new Map([
        ["often", 3],
        ["seldom", 1],
        ["ünüsual 'quoted'", 1],
      ]),
    );
    for (const group of failures) {
      const example = await t.store.item({ batch: made.number, key: group.example.key });
      assert.deepEqual([example?.item.id, example?.item.error?.message], [group.example.id, group.message]);
    }
    assert.deepEqual(
      new Map(stages.map((stage) => [stage.stage, stage.items])),
      new Map([
        ["one", 2],
        ["two", 1],
      ]),
    );
    assert.deepEqual(await t.store.breakdown(99), { failures: [], stages: [] });
  }),
  caseOf("there are at most so many groups of failures", async (t) => {
    const made = await t.batch({ items: LIMITS.failureGroups + 5 });
    for (const [index, item] of made.items.entries()) await t.fail({ item }, { error: { message: `error ${index}` } });
    assert.equal((await t.store.breakdown(made.number)).failures.length, LIMITS.failureGroups);
  }),
  caseOf("a closed store refuses every call", async (t) => {
    await t.batch({ items: 1 });
    const { store } = t.opened;
    await t.finish();
    await store.close();
    const isClosed = (error: unknown) => error instanceof MilepostError;
    await assert.rejects(store.batches({ limit: 1 }), isClosed);
    await assert.rejects(store.record([], 0), isClosed);
    t.finish = async () => {};
  }),
];
