import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LIMITS } from "../../src/core/limits.ts";
import type { Store } from "../../src/ports/store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";
import { StoreTrial } from "../../src/testing/store-trial.ts";

let folder: string;
let path: string;
let trial: StoreTrial;
const stores: Store[] = [];

async function open(clock: ManualClock = trial.clock): Promise<Store> {
  const store = await openSqliteStore({ path, clock });
  stores.push(store);
  return store;
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "milepost-upkeep-"));
  path = join(folder, "milepost.db");
  trial = await StoreTrial.open(async (clock) => {
    const store = await open(clock);
    return { store, close: () => store.close() };
  });
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function change(sql: string): void {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
}

test("opening and reading a file that is up to date writes nothing", async () => {
  await trial.batch();
  const db = new DatabaseSync(path);
  const version = (): unknown => db.prepare("PRAGMA data_version").get()?.data_version;
  const before = version();
  const store = await open();
  expect(await store.batches({ limit: 10 })).toHaveLength(1);
  await store.queues();
  await store.close();
  expect(version()).toBe(before);
  db.close();
});

test("a file whose tables are not the store's is refused as corrupt", async () => {
  change("DROP TABLE attempts");
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  change("DROP TABLE migrations");
  await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
});

test("a store that ran out of numbers for batches says so and changes nothing", async () => {
  change(`INSERT INTO sqlite_sequence (name, seq) VALUES ('batches', ${LIMITS.batchesPerStore - 2})`);
  expect((await trial.batch()).number).toBe(LIMITS.batchesPerStore - 1);
  await expect(trial.batch()).rejects.toMatchObject({ code: "STORE_FULL" });
  expect(await trial.store.batches({ limit: 10 })).toHaveLength(1);
});

test("a removal that a crash cut short is finished by reaping, unless somebody goes on with it", async () => {
  const made = await trial.batch({ items: 3 });
  change(`UPDATE batches SET is_removing = 1 WHERE number = ${made.number}`);
  const left = (): unknown => {
    const db = new DatabaseSync(path);
    const found = db.prepare("SELECT count(*) AS n FROM items").get()?.n;
    db.close();
    return found;
  };
  const reap = () => trial.opened.store.reap(trial.clock.now(), () => false);
  await reap();
  trial.clock.advance(20_000);
  change(`DELETE FROM items WHERE id = ${made.items[0]}`);
  await reap();
  expect(left()).toBe(2);
  trial.clock.advance(20_000);
  await reap();
  expect(left()).toBe(0);
});

describe("what is wrong with blocks is found, mended, and clean after that:", () => {
  const broken = {
    "a block that miscounts its items": {
      sql: "UPDATE blocks SET items = items + 1",
      what: /^items of the block at ordinal 0$/,
    },
    "a block whose items have all gone on": {
      sql: "UPDATE items SET fresh = 0 WHERE id IN (SELECT id FROM items LIMIT 3)",
      what: /^items of the block at ordinal 0$/,
    },
    "a block of a session that is not there": {
      sql: "DELETE FROM workers",
      what: /^holder of the block at ordinal 0$/,
    },
    "items that no claim can find": { sql: "UPDATE batches SET frontier = 5", what: /^item / },
  };
  for (const [name, { sql, what }] of Object.entries(broken)) {
    test(name, async () => {
      const { number } = await trial.batch({ items: 8 });
      const { id } = await trial.row(number);
      expect(await trial.claim(await trial.worker(), { limit: 3 })).toHaveLength(3);
      expect(await trial.store.verify({ repair: false })).toEqual([]);
      change(sql);
      const findings = await trial.store.verify({ repair: false });
      expect(findings).not.toEqual([]);
      for (const finding of findings) expect(finding).toMatchObject({ batchId: id, what: expect.stringMatching(what) });
      expect(await trial.store.verify({ repair: true })).toHaveLength(findings.length);
      expect(await trial.store.verify({ repair: false })).toEqual([]);
      expect((await trial.claim(await trial.worker(), { limit: 100 })).length).toBeGreaterThanOrEqual(5);
    });
  }
});

test("a page of pending items does not walk the ended ones before it", async () => {
  const { number } = await trial.batch({ items: 500 });
  change(`UPDATE items SET fresh = 0, state = 2, ended_at = 1 WHERE batch = ${number} AND id % ${LIMITS.itemsPerBatch} < 490;
    UPDATE batches SET pending = 10, completed = 490, frontier = 490`);
  const spies = (["all", "get"] as const).map((method) => vi.spyOn(StatementSync.prototype, method));
  // A store takes hold of its statements when it is opened.
  const store = await open();
  for (const spy of spies) spy.mockClear();
  const page = await store.items({ batch: number, state: "pending", limit: 100 });
  const ran = spies.flatMap((spy) => spy.mock.contexts.map((statement) => (statement as StatementSync).sourceSQL));
  for (const spy of spies) spy.mockRestore();
  expect(page).toHaveLength(10);
  const onItems = ran.filter((sql) => /FROM items\b/.test(sql));
  expect(onItems.length).toBeGreaterThan(0);
  // INDEXED BY is binding for SQLite; fresh items lie beyond the frontier; the rows themselves are fetched by number.
  for (const sql of onItems)
    expect(sql).toMatch(/INDEXED BY items_(ready|idle|held)|fresh = 1|id IN \(SELECT value FROM json_each/);
});
