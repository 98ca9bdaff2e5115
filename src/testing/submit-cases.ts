import assert from "node:assert/strict";
import { itemIdFrom } from "../core/ids.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";

const DEEP = Array.from({ length: 30 }).reduce<unknown>((inner) => [inner], "deep");
/** Values that some store or codec has been known to change. */
const VALUES = [
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  -0,
  0.1 + 0.2,
  1e308,
  5e-324,
  "",
  'ü 😀 \u0001\n"\\',
  true,
  null,
  [],
  {},
  DEEP,
];
const KEYS = [
  "",
  "ключ",
  "😀",
  "a'b\"c",
  "100%_",
  "line\nbreak",
  "__proto__",
  "constructor",
  "ä",
  "a\u0308",
  " a",
  "A",
  "a",
  "𝟙",
];

/** Creating batches, finding them again, adding to them, sealing them. */
export const submitCases: readonly ConformanceCase[] = [
  caseOf("a submission creates the batch with all its items", async (t) => {
    const made = await t.batch({
      items: [
        { key: "a", input: '{"x":1}', size: 7 },
        { key: "b", priority: -3 },
      ],
      seal: false,
    });
    assert.equal(made.submitted.isNew, true);
    assert.deepEqual(made.submitted.verdicts, ["added", "added"]);
    const row = await t.row(made.number);
    assert.deepEqual(row, made.submitted.batch);
    assert.deepEqual(row.counts, { total: 2, pending: 2, processing: 0, completed: 0, failed: 0, cancelled: 0 });
    assert.equal(row.id, made.spec.id);
    assert.equal(row.isSealed, false);
    assert.equal(row.createdAt, t.clock.now());
    assert.deepEqual(row.policy, made.spec.policy);
    const items = await t.store.items({ batch: made.number, limit: 10 });
    assert.deepEqual(
      items.map((item) => item.number),
      made.items,
    );
    assert.deepEqual(
      items.map((item) => [item.key, item.input, item.size, item.priority]),
      [
        ["a", { x: 1 }, 7, 0],
        ["b", null, null, -3],
      ],
    );
    assert.deepEqual(
      items.map((item) => item.id),
      [itemIdFrom(row.id, 0), itemIdFrom(row.id, 1)],
    );
    for (const item of items) assert.equal(item.version, row.version, "new items bear the batch's version");
  }),
  caseOf("a batch is found again by owner and name, and known keys keep their state", async (t) => {
    const made = await t.batch({ name: "photos", items: ["a", "b"] });
    const worker = await t.worker();
    await t.complete(await t.claimOne(worker));
    const version = (await t.row(made.number)).version;
    const again = await t.submit(t.spec({ name: "photos" }), ["b", "a"]);
    assert.equal(again.isNew, false);
    assert.deepEqual(again.verdicts, ["known", "known"]);
    assert.deepEqual(again.items, [made.items[1], made.items[0]]);
    assert.equal((await t.row(made.number)).version, version, "nothing new was added, so nothing changed");
    assert.equal((await t.item(again.items[1] ?? 0)).state, "completed");
    const other = await t.submit(t.spec({ name: "photos", owner: "somebody else" }), ["a"]);
    assert.equal(other.isNew, true, "a name belongs to its owner");
  }),
  caseOf("batches without a name are never mixed", async (t) => {
    const first = await t.batch({ items: ["a"] });
    const second = await t.batch({ items: ["a"] });
    assert.notEqual(first.number, second.number);
  }),
  caseOf("a key that is repeated in one submission is one item and a verdict", async (t) => {
    const made = await t.batch({ items: ["a", "b", "a"], seal: false });
    assert.deepEqual(made.submitted.verdicts, ["added", "added", "duplicate"]);
    assert.equal(made.items[0], made.items[2]);
    const { firstOrdinal } = made.submitted;
    const chunk = await t.submit(made.number, ["a", "c"], { firstOrdinal, seal: false });
    assert.deepEqual(chunk.verdicts, ["duplicate", "added"], "a later chunk of the same submission");
    assert.equal(chunk.firstOrdinal, firstOrdinal);
    const later = await t.submit(made.number, ["a", "c", "d", "d"]);
    assert.deepEqual(later.verdicts, ["known", "known", "added", "duplicate"], "another submission");
    assert.equal((await t.row(made.number)).counts.total, 4);
  }),
  caseOf("a batch given by a number that is not there is answered with null", async (t) => {
    const answer = await t.submit(999, ["a"]);
    assert.equal(answer.batch, null);
    assert.equal(answer.isNew, false);
    assert.deepEqual(await t.store.batches({ limit: 10 }), []);
  }),
  caseOf("only a sealed batch ends", async (t) => {
    const made = await t.batch({ items: ["a"], seal: false });
    const worker = await t.worker();
    await t.complete(await t.claimOne(worker));
    assert.equal((await t.row(made.number)).endedAt, null);
    t.clock.advance(5);
    await t.submit(made.number, [], { seal: true });
    const row = await t.row(made.number);
    assert.equal(row.isSealed, true);
    assert.equal(row.endedAt, t.clock.now());
  }),
  caseOf("an empty sealed batch ends at once, an empty open one does not", async (t) => {
    const made = await t.batch({ items: [], seal: false });
    assert.equal((await t.row(made.number)).endedAt, null);
    await t.submit(made.number, [], { seal: true });
    assert.notEqual((await t.row(made.number)).endedAt, null);
    const sealed = await t.batch({ items: [] });
    assert.notEqual((await t.row(sealed.number)).endedAt, null);
  }),
  caseOf("new items open an ended batch again as a new epoch, which ends again", async (t) => {
    const made = await t.batch({ name: "grows", items: ["a"] });
    const worker = await t.worker();
    await t.complete(await t.claimOne(worker));
    const ended = await t.row(made.number);
    assert.notEqual(ended.endedAt, null);
    t.clock.advance(1_000);
    await t.submit(t.spec({ name: "grows" }), ["a", "b"]);
    const open = await t.row(made.number);
    assert.equal(open.epoch, ended.epoch + 1);
    assert.equal(open.endedAt, null);
    assert.equal(open.isSealed, true);
    t.clock.advance(1_000);
    await t.complete(await t.claimOne(worker));
    assert.equal((await t.row(made.number)).endedAt, t.clock.now());
    assert.equal((await t.row(made.number)).epoch, open.epoch);
  }),
  caseOf("new items without a seal leave the batch open", async (t) => {
    const made = await t.batch({ items: ["a"] });
    await t.submit(made.number, ["b"], { seal: false });
    const row = await t.row(made.number);
    assert.equal(row.isSealed, false);
    assert.equal(row.epoch, made.submitted.batch === null ? 0 : made.submitted.batch.epoch + 1);
    await t.submit(made.number, ["c"], { seal: true });
    assert.equal((await t.row(made.number)).epoch, row.epoch, "an open batch is not opened again");
  }),
  caseOf("new items lift the cancel of a batch", async (t) => {
    const made = await t.batch({ items: ["a"] });
    await t.commandWhole({ type: "cancel", target: { batch: made.number } });
    assert.equal((await t.row(made.number)).isCancelled, true);
    await t.submit(made.number, ["b"]);
    assert.equal((await t.row(made.number)).isCancelled, false);
    const worker = await t.worker();
    assert.deepEqual(
      (await t.claim(worker)).map((lease) => lease.key),
      ["b"],
    );
  }),
  caseOf("a submission that goes on after the cancel of its batch does not undo it", async (t) => {
    const made = await t.batch({ items: ["a"], seal: false });
    const { firstOrdinal } = made.submitted;
    await t.commandWhole({ type: "cancel", target: { batch: made.number } });
    const ended = await t.row(made.number);
    const chunk = await t.submit(made.number, ["a", "b"], { firstOrdinal, seal: false });
    assert.deepEqual(chunk.verdicts, ["duplicate", "added"]);
    await t.submit(made.number, ["c"], { firstOrdinal });
    const row = await t.row(made.number);
    assert.deepEqual([row.isCancelled, row.isSealed, row.epoch], [true, true, ended.epoch]);
    assert.equal(row.endedAt, ended.endedAt);
    assert.deepEqual([row.counts.total, row.counts.cancelled], [3, 3]);
    assert.deepEqual(await t.claim(await t.worker()), []);
    await t.submit(made.number, ["d"]);
    assert.equal((await t.row(made.number)).isCancelled, false, "a new submission lifts the cancel");
  }),
  caseOf("odd values come back the same", async (t) => {
    const items = KEYS.map((key, index) => ({
      key,
      input: JSON.stringify(VALUES[index]),
      size: index === 0 ? 2 ** 53 - 1 : index,
    }));
    const options = { list: [1, "two", null], __proto__x: { ключ: -1.5 }, z: 1, a: 2 };
    const made = await t.batch({
      items,
      name: "имя 😀",
      owner: "o'owner",
      queue: "main",
      options,
      stages: [{ name: "ü", weight: 0.5 }],
    });
    const rows = await t.store.items({ batch: made.number, limit: 100 });
    assert.deepEqual(
      rows.map((row) => row.key),
      KEYS,
    );
    assert.deepEqual(
      rows.map((row) => row.input),
      VALUES.map((value) => JSON.parse(JSON.stringify(value))),
    );
    assert.equal(rows[0]?.size, 2 ** 53 - 1);
    const row = await t.store.batch({ owner: "o'owner", name: "имя 😀" });
    assert.deepEqual(row?.options, options);
    assert.equal(JSON.stringify(row?.options), JSON.stringify(options), "keys keep their order");
    assert.deepEqual(row?.stages, [{ name: "ü", weight: 0.5 }]);
    for (const key of KEYS) assert.equal((await t.store.item({ batch: made.number, key }))?.item.key, key);
    const worker = await t.worker();
    const leases = await t.claim(worker);
    assert.deepEqual(
      leases.map((lease) => lease.input),
      items.map((item) => item.input),
      "inputs are handed on as they came",
    );
    for (const [index, lease] of leases.entries()) await t.complete(lease, JSON.stringify(VALUES[index]));
    const ended = await t.store.items({ batch: made.number, limit: 100 });
    assert.deepEqual(
      ended.map((item) => item.output),
      rows.map((item) => item.input),
    );
  }),
  caseOf("rows are copies: changing what was given or got changes nothing kept", async (t) => {
    const options = { list: [1] };
    const made = await t.batch({ options, items: ["a"] });
    options.list.push(2);
    const row = await t.row(made.number);
    assert.deepEqual(row.options, { list: [1] });
    (row.options as unknown as { list: number[] }).list.push(3);
    assert.deepEqual((await t.row(made.number)).options, { list: [1] });
  }),
  caseOf(
    "what was submitted and recorded is there after closing and opening again",
    async (t) => {
      const made = await t.batch({ name: "kept", items: ["a", "b", "c"], stages: [{ name: "s", weight: 2 }] });
      const worker = await t.worker();
      await t.complete(await t.claimOne(worker), '"out"');
      await t.fail(await t.claimOne(worker));
      await t.command({ type: "pause", target: { queue: "main" } });
      const before = await t.auditor.dump();
      await t.reopen();
      assert.deepEqual(await t.auditor.dump(), before);
      assert.deepEqual(await t.claim(worker), [], "a pause outlives a restart");
      await t.command({ type: "resume", target: { queue: "main" } });
      assert.deepEqual(
        (await t.claim(worker)).map((lease) => lease.item),
        made.items.slice(2),
      );
    },
    "reopen",
  ),
];
