import assert from "node:assert/strict";
import type { ItemRow } from "../core/item.ts";
import { type ConformanceCase, caseOf } from "./conformance-case.ts";
import type { StoreTrial } from "./store-trial.ts";

/** Follows the feed from a version to its end in pages, and folds what it tells into `known`. Returns how many items were told. */
async function follow(
  t: StoreTrial,
  options: { batch: number; since: number; limit: number; known: Map<string, ItemRow> },
) {
  let { since } = options;
  let told = 0;
  for (;;) {
    const page = await t.store.changes(options.batch, since, options.limit);
    assert.equal(page.isResumable, true);
    assert.ok(page.version > since || !page.hasMore, "each page goes forward");
    const inOrder = page.items.toSorted((a, b) => a.version - b.version || a.number - b.number);
    assert.deepEqual(page.items, inOrder, "by version, then by age");
    for (const item of page.items) {
      assert.ok(item.version > since && item.version <= page.version, "a page tells the versions it covers");
      options.known.set(item.id, item);
    }
    for (const removal of page.removals) {
      assert.ok(removal.version > since && removal.version <= page.version);
      options.known.delete(removal.id);
    }
    told += page.items.length;
    since = page.version;
    if (!page.hasMore) return told;
  }
}

/** Lives through a bit of everything, and hands out a snapshot after each version. */
async function liveThrough(t: StoreTrial, batch: number, items: readonly number[]) {
  const snapshots: { version: number; known: Map<string, ItemRow> }[] = [];
  const snap = async () => {
    const rows = await t.store.items({ batch, limit: 1_000 });
    snapshots.push({ version: (await t.row(batch)).version, known: new Map(rows.map((row) => [row.id, row])) });
  };
  await snap();
  const worker = await t.worker();
  const [a, b, c, d, e] = await t.claim(worker, { limit: 5 });
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined && e !== undefined);
  const steps: readonly (() => Promise<unknown>)[] = [
    () => t.start(a),
    () => t.progress(a, 0.5, "stage"),
    () => t.complete(b),
    () => t.command({ type: "remove", target: { item: b.item } }),
    () => t.fail(c),
    () => t.complete(a, "[1]"),
    () => t.command({ type: "retry", target: { item: c.item }, failedOnly: true }),
    () => t.command({ type: "pause", target: { batch } }),
    () => t.submit(batch, ["late", "later"]),
    () => t.fail(d, { retryAt: t.clock.now() + 9 }),
    () => t.command({ type: "remove", target: { item: items[7] ?? 0 } }),
    () => t.command({ type: "priority", target: { item: items[8] ?? 0 }, priority: 4 }),
    () => t.release(e, { startedAt: t.clock.now() }),
    () => t.commandWhole({ type: "cancel", target: { batch } }),
  ];
  for (const step of steps) {
    await step();
    await snap();
  }
  return snapshots;
}

/** The feed of a batch: nothing missed, nothing twice, from any version on. */
export const feedCases: readonly ConformanceCase[] = [
  caseOf("the feed resumes from every version to the same end, removals too, in pages of any size", async (t) => {
    const made = await t.batch({ items: 12 });
    const snapshots = await liveThrough(t, made.number, made.items);
    const end = snapshots.at(-1)?.known;
    assert.ok(end !== undefined && end.size === 12);
    for (const limit of [1, 3, 1_000]) {
      for (const { version, known } of snapshots) {
        const folded = new Map(known);
        await follow(t, { batch: made.number, since: version, limit, known: folded });
        assert.deepEqual(
          new Map([...folded].sort()),
          new Map([...end].sort()),
          `from version ${version}, ${limit} a page`,
        );
      }
    }
    const all = new Map<string, ItemRow>();
    assert.equal(
      await follow(t, { batch: made.number, since: 0, limit: 4, known: all }),
      end.size,
      "each item is told once",
    );
  }),
  caseOf("snapshot and feed join without hole or overlap", async (t) => {
    const made = await t.batch({ items: 3 });
    const { version } = await t.row(made.number);
    const none = await t.store.changes(made.number, version, 10);
    assert.deepEqual(none, { isResumable: true, items: [], removals: [], version, hasMore: false });
    await t.complete({ item: made.items[1] ?? 0 });
    const next = await t.store.changes(made.number, version, 10);
    assert.deepEqual(
      next.items.map((item) => item.number),
      [made.items[1]],
    );
    assert.equal(next.version, version + 1);
  }),
  caseOf("a version of the future or of no batch cannot be resumed from", async (t) => {
    const made = await t.batch({ items: 3 });
    const { version } = await t.row(made.number);
    for (const since of [version + 1, 10 ** 12, -1]) {
      const answer = await t.store.changes(made.number, since, 10);
      assert.equal(answer.isResumable, false, `version ${since}`);
      assert.deepEqual(answer.items, []);
    }
    assert.equal((await t.store.changes(4_242, 0, 10)).isResumable, false);
  }),
  caseOf("a removal is told once with the id and the key of what was removed", async (t) => {
    const made = await t.batch({ items: ["a", "b"] });
    const { version } = await t.row(made.number);
    const { id } = await t.item(made.items[0] ?? 0);
    await t.command({ type: "remove", target: { item: made.items[0] ?? 0 } });
    const changes = await t.store.changes(made.number, version, 10);
    assert.deepEqual(changes.removals, [{ id, key: "a", version: version + 1 }]);
    assert.deepEqual(changes.items, []);
    assert.deepEqual((await t.store.changes(made.number, version + 1, 10)).removals, []);
  }),
  caseOf("listeners are told that a batch may have ended, whatever ended it", async (t) => {
    let heard = false;
    const unsubscribe = t.store.subscribe((mayHaveEnded) => {
      heard ||= mayHaveEnded;
    });
    const isHeardOf = async (end: () => Promise<unknown>): Promise<void> => {
      heard = false;
      await end();
      // Whoever is told late is told by a poll, which a manual clock drives.
      for (let turn = 0; turn < 100 && !heard; turn++) {
        t.clock.advance(10);
        await Promise.resolve();
      }
      assert.ok(heard);
    };
    const one = await t.batch({ items: ["a"] });
    await isHeardOf(() => t.complete({ item: one.items[0] ?? 0 }));
    const two = await t.batch({ items: ["a"] });
    await isHeardOf(() => t.command({ type: "cancel", target: { batch: two.number } }));
    await isHeardOf(() => t.command({ type: "remove", target: { batch: two.number } }));
    const three = await t.batch({ items: ["a"], seal: false });
    await t.complete({ item: three.items[0] ?? 0 });
    await isHeardOf(() => t.submit(three.number, [], { seal: true }));
    unsubscribe();
  }),
  caseOf("listeners hear of commits until they unsubscribe", async (t) => {
    let calls = 0;
    let heard: () => void = () => {};
    const next = () => new Promise<void>((resolve) => (heard = resolve));
    const unsubscribe = t.store.subscribe(() => {
      calls += 1;
      heard();
    });
    let waits = next();
    const made = await t.batch({ items: 2 });
    await waits;
    waits = next();
    await t.complete({ item: made.items[0] ?? 0 });
    await waits;
    unsubscribe();
    const before = calls;
    await t.complete({ item: made.items[1] ?? 0 });
    await Promise.resolve();
    assert.equal(calls, before);
    unsubscribe();
  }),
];
