import assert from "node:assert/strict";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

const NO_RETENTION = { olderThanMs: null, keep: null, limit: 100 };

/** Makes ended batches, one each second, and one that has not ended. */
async function makeEnded(t: StoreTrial, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  await t.batch({ items: 1, queue: "open" });
  for (let index = 0; index < count; index++) {
    const made = await t.batch({ name: `ended ${index}`, items: 1, owner: index % 2 === 0 ? "even" : "odd" });
    await t.complete({ item: made.items[0] ?? 0 });
    ids.push(made.spec.id);
    t.clock.advance(1_000);
  }
  return ids;
}

/** Retention, verification, checkpoints. */
export const upkeepCases: readonly ConformanceCase[] = [
  caseOf("prune deletes what ended too long ago, and nothing that has not ended", async (t) => {
    const ids = await makeEnded(t, 4);
    assert.deepEqual(await t.store.prune(NO_RETENTION, t.clock.now()), []);
    const pruned = await t.store.prune({ ...NO_RETENTION, olderThanMs: 2_500 }, t.clock.now());
    assert.deepEqual([...pruned].sort(), ids.slice(0, 2).sort());
    for (const id of pruned) assert.equal(await t.store.batch({ id }), null);
    assert.equal((await t.store.batches({ limit: 10 })).length, 3);
    t.clock.advance(10 ** 9);
    assert.equal((await t.store.prune({ ...NO_RETENTION, olderThanMs: 0 }, t.clock.now())).length, 2);
    assert.equal((await t.store.batches({ limit: 10 })).length, 1, "the batch that has not ended is kept");
    assert.equal((await t.submit(t.spec({ name: "ended 0", owner: "even" }), ["item-0"])).isNew, true);
  }),
  caseOf("prune keeps the newest ended ones, by owner and queue, a few at a time", async (t) => {
    const ids = await makeEnded(t, 6);
    assert.deepEqual(await t.store.prune({ ...NO_RETENTION, keep: 1, owner: "odd", limit: 1 }, t.clock.now()), [
      ids[1],
    ]);
    assert.deepEqual(await t.store.prune({ ...NO_RETENTION, keep: 1, owner: "odd" }, t.clock.now()), [ids[3]]);
    assert.deepEqual(await t.store.prune({ ...NO_RETENTION, keep: 0, queue: "elsewhere" }, t.clock.now()), []);
    const rest = await t.store.prune({ ...NO_RETENTION, keep: 2 }, t.clock.now());
    assert.deepEqual([...rest].sort(), [ids[0], ids[2]].sort());
  }),
  caseOf("prune by the beginning of owners takes all of them and no other", async (t) => {
    for (const owner of ["", "session", "session:1", "session:2", "Session:3", "session%"]) {
      const made = await t.batch({ items: 1, owner });
      await t.complete({ item: made.items[0] ?? 0 });
    }
    const owners = async () => (await t.store.batches({ limit: 10 })).map((row) => row.owner);
    const all = { ...NO_RETENTION, keep: 0 };
    await t.store.prune({ ...all, ownerPrefix: "session:" }, t.clock.now());
    assert.deepEqual(await owners(), ["session%", "Session:3", "session", ""]);
    assert.deepEqual(await t.store.prune({ ...all, ownerPrefix: "session:" }, t.clock.now()), []);
    await t.store.prune({ ...all, ownerPrefix: "session", keep: 1 }, t.clock.now());
    assert.deepEqual(await owners(), ["session%", "Session:3", ""]);
  }),
  caseOf("prune with both rules deletes only what breaks both", async (t) => {
    const ids = await makeEnded(t, 6);
    const both = { ...NO_RETENTION, olderThanMs: 3_500, keep: 4 };
    assert.deepEqual(await t.store.prune({ ...both, keep: 6 }, t.clock.now()), [], "the newest are always kept");
    assert.deepEqual(await t.store.prune({ ...both, olderThanMs: 10 ** 9 }, t.clock.now()), [], "none is old enough");
    assert.deepEqual(await t.store.prune({ ...both, keep: 5 }, t.clock.now()), [ids[0]]);
    assert.deepEqual(await t.store.prune({ ...both, keep: 1 }, t.clock.now()), ids.slice(1, 3));
  }),
  caseOf("a store that was only used rightly has nothing to repair", async (t) => {
    const made = await t.batch({ items: 20 });
    const worker = await t.worker();
    const leases = await t.claim(worker, { limit: 9 });
    for (const [index, lease] of leases.entries()) {
      if (index % 3 === 0) await t.complete(lease);
      else if (index % 3 === 1) await t.progress(lease, 0.3);
    }
    const before = await t.auditor.dump();
    assert.deepEqual(await t.store.verify({ repair: false }), []);
    assert.deepEqual(await t.store.verify({ repair: true }), []);
    assert.deepEqual(await t.auditor.dump(), before);
    assert.equal((await t.row(made.number)).counts.completed, 3);
  }),
  caseOf(
    "verify finds a wrong counter and mends it when asked",
    async (t) => {
      const made = await t.batch({ items: 3, seal: false });
      await t.complete({ item: made.items[0] ?? 0 });
      const right = (await t.row(made.number)).counts;
      await t.opened.damage?.(made.number);
      const found = await t.opened.store.verify({ repair: false });
      assert.ok(found.length > 0);
      assert.ok(found.every((finding) => !finding.isRepaired && finding.batchId === made.spec.id));
      assert.ok(
        found.some((finding) => finding.expected === "1" && finding.found === "2"),
        "says what it expected and found",
      );
      assert.equal((await t.row(made.number)).counts.completed, 2, "looking mends nothing");
      const mended = await t.opened.store.verify({ repair: true });
      assert.ok(mended.length > 0 && mended.every((finding) => finding.isRepaired));
      assert.deepEqual((await t.row(made.number)).counts, right);
      assert.deepEqual(await t.store.verify({ repair: false }), []);
    },
    "damage",
  ),
  caseOf("a checkpoint stamps the batch, if one is given", async (t) => {
    const made = await t.batch({ items: 1 });
    assert.equal((await t.row(made.number)).checkpointAt, null);
    t.clock.advance(5);
    await t.store.checkpoint(made.number, t.clock.now());
    assert.equal((await t.row(made.number)).checkpointAt, t.clock.now());
    await t.store.checkpoint(null, t.clock.now());
    await t.store.checkpoint(99, t.clock.now());
  }),
];
