import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type DatabaseSyncOptions } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type BatchRow, statusOf } from "../../src/core/batch.ts";
import { batchIdFrom } from "../../src/core/ids.ts";
import { DEFAULT_POLICY } from "../../src/core/retry-policy.ts";
import { ITEM_STATES } from "../../src/core/transitions.ts";
import { openMilepost } from "../../src/open-milepost.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import type { BatchSpec, Store, Submission } from "../../src/ports/store.ts";
import { CANCELLED, COMPLETED, FAILED, PENDING, PROCESSING } from "../../src/stores/codes.ts";
import { Connection } from "../../src/stores/sqlite/connection.ts";
import { checksumOf, MIGRATIONS, migrate } from "../../src/stores/sqlite/migrator.ts";
import { NETWORK_FILE_SYSTEMS, refuseNetworkFileSystem } from "../../src/stores/sqlite/network-file-systems.ts";
import { STATUS_SQL } from "../../src/stores/sqlite/reads.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";

let folder: string;
let path: string;
const stores: Store[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "milepost-sqlite-"));
  path = join(folder, "deep", "milepost.db");
});

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(options: { readonly clock?: ManualClock; readonly busyRetryMs?: number } = {}): Promise<Store> {
  const store = await openSqliteStore({ clock: systemClock, ...options, path });
  stores.push(store);
  return store;
}

function submission(keys: readonly string[], name = "batch"): Submission {
  const batch: BatchSpec = {
    id: batchIdFrom(1_700_000_000_000, new TextEncoder().encode(name.padEnd(10, "x"))),
    owner: "tester",
    name,
    queue: "images",
    pipeline: "images",
    options: null,
    policy: DEFAULT_POLICY,
    stages: [],
    priority: 0,
    startAt: null,
    work: "images",
  };
  const items = keys.map((key) => ({ key, input: null, size: null, kind: null, priority: 0 }));
  return { batch, items, seal: true, now: 1_000 };
}

function session(leaseMs = 60_000) {
  const identity = { host: "host", pid: 1, birth: "" };
  return {
    ...identity,
    name: "host:1",
    queues: ["images"],
    batch: null,
    pipelines: null,
    concurrency: 2,
    leaseMs,
    now: 1_000,
  };
}

describe("the file", () => {
  test("is made with its folder, marked as ours, in WAL mode", async () => {
    await open();
    const db = new DatabaseSync(path);
    expect(db.prepare("PRAGMA application_id").get()).toEqual({ application_id: 0x4d494c45 });
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    db.close();
  });

  test("is refused untouched when another program made it", async () => {
    path = join(folder, "other.db");
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE users (id INTEGER)");
    db.close();
    const before = readFileSync(path);
    await expect(open()).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test("is refused untouched when it is no database", async () => {
    path = join(folder, "notes.txt");
    writeFileSync(path, "not a database, but long enough to be looked at as one ".repeat(50));
    const before = readFileSync(path);
    await expect(open()).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test.skipIf(process.getuid?.() === 0)("is refused when it may not be written", async () => {
    await (await open()).close();
    chmodSync(path, 0o444);
    await expect(open()).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
  });

  test.each(["deleted", "replaced"])("that was %s while open takes no more writes", async (how) => {
    const clock = new ManualClock();
    const store = await open({ clock });
    renameSync(path, `${path}.away`);
    if (how === "replaced") writeFileSync(path, "");
    await clock.advance(1_001);
    await expect(store.submit(submission(["a"]))).rejects.toMatchObject({ code: "STORE_GONE", retryable: false });
  });

  test("is refused on network file systems, by name", () => {
    for (const [type, name] of NETWORK_FILE_SYSTEMS) {
      expect(() => refuseNetworkFileSystem("/mnt", () => type)).toThrow(name);
    }
    expect(() => refuseNetworkFileSystem("/mnt", () => 0xef53)).not.toThrow();
  });

  test("stays readable when a wrong clock makes absurd spans", async () => {
    const store = await open();
    const { items } = await store.submit(submission(["a", "b", "c"]));
    const complete = { type: "complete", lease: null, startedAt: 0, output: null } as const;
    for (const item of items) await store.record([{ ...complete, item }], Number.MAX_SAFE_INTEGER - 1);
    expect((await store.batches({ limit: 1 }))[0]?.endedAt).toBe(Number.MAX_SAFE_INTEGER - 1);
  });

  test("takes few bytes for a finished item", async () => {
    const store = await open();
    const keys = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(60, "photos/"));
    const { batch } = await store.submit(submission(keys));
    const worker = await store.openSession(session());
    for (let turn = 0; ; turn++) {
      const { leases } = await store.claim({ worker, queues: [], pipelines: null, limit: 500, now: 2_000, turn });
      if (leases.length === 0) break;
      await store.record(
        leases.map((lease) => ({ type: "complete", item: lease.item, lease, startedAt: 2_000, output: null })),
        2_001,
      );
    }
    expect((await store.batch({ number: batch?.number ?? 0 }))?.counts.completed).toBe(20_000);
    await store.close();
    expect(readFileSync(path).length / 20_000).toBeLessThan(230);
  });
});

describe("migrations", () => {
  test("a newer schema is refused and the file left as it is", async () => {
    await (await open()).close();
    const db = new DatabaseSync(path);
    db.exec("INSERT INTO migrations VALUES (99, 'future', 'x', 0)");
    db.close();
    const before = readFileSync(path);
    await expect(open()).rejects.toMatchObject({ code: "STORE_SCHEMA" });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("another checksum is refused", async () => {
    await (await open()).close();
    const db = new DatabaseSync(path);
    db.exec("UPDATE migrations SET checksum = 'other'");
    db.close();
    await expect(open()).rejects.toMatchObject({ code: "STORE_SCHEMA" });
  });

  test("only what is missing is applied, in order", () => {
    const db = new DatabaseSync(":memory:");
    const next = { number: MIGRATIONS.length + 1, name: "next", sql: "CREATE TABLE next (id INTEGER)" };
    migrate(db, { path: "memory", now: 1 });
    migrate(db, { path: "memory", now: 2, migrations: [...MIGRATIONS, next] });
    migrate(db, { path: "memory", now: 3, migrations: [...MIGRATIONS, next] });
    const applied = db.prepare("SELECT number, checksum, applied_at AS at FROM migrations ORDER BY number").all();
    expect(applied.map((row) => row.at)).toEqual([...MIGRATIONS.map(() => 1), 2]);
    expect(applied.map((row) => row.checksum)).toEqual([...MIGRATIONS, next].map(checksumOf));
    db.close();
  });

  test("many starts at once make one schema", async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(opened).toHaveLength(8);
  });
});

describe("the schema agrees with the core", () => {
  test("on the codes of states", () => {
    expect(ITEM_STATES).toEqual(["pending", "processing", "completed", "failed", "cancelled"]);
    expect([PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED].map((code) => ITEM_STATES[code])).toEqual(ITEM_STATES);
  });

  test("on the status of a batch, for every mix of its facts", () => {
    const db = new DatabaseSync(":memory:");
    const statement = db.prepare(`SELECT ${STATUS_SQL} AS status FROM (SELECT ? AS ended_at, ? AS control,
      ? AS started_at, ? AS is_cancelled, ? AS total, ? AS cancelled, ? AS failed)`);
    for (let mix = 0; mix < 2 ** 5 * 4; mix++) {
      const bit = (place: number): number => (mix >> place) & 1;
      const [total, failed] = [bit(4) * 2, bit(4) * bit(5) * 2];
      const cancelled = bit(6) * (total - failed);
      const [endedAt, startedAt] = [bit(0) === 1 ? 5 : null, bit(1) === 1 ? 4 : null];
      const facts: Pick<BatchRow, "counts" | "control" | "isCancelled" | "startedAt" | "endedAt"> = {
        endedAt,
        startedAt,
        control: bit(2) === 1 ? "pause" : "run",
        isCancelled: bit(3) === 1,
        counts: { total, pending: 0, processing: 0, completed: total - failed - cancelled, failed, cancelled },
      };
      const row = statement.get(endedAt, bit(2), startedAt, bit(3), total, cancelled, failed);
      expect(row?.status).toBe(statusOf(facts));
    }
    db.close();
  });

  test("its checks refuse what the core forbids", async () => {
    const store = await open();
    await store.submit(submission(["a"]));
    const db = new DatabaseSync(path);
    for (const change of [
      "state = 9",
      "state = 1",
      "state = 2",
      "state = 3, ended_at = 1, worker = 4",
      "fraction = 1",
    ]) {
      expect(() => db.exec(`UPDATE items SET ${change}`), change).toThrow(/CHECK/);
    }
    expect(() => db.exec("UPDATE batches SET pending = pending - 1")).toThrow(/CHECK/);
    expect(() => db.exec("UPDATE batches SET pending = -1, total = -1")).toThrow(/CHECK/);
    db.close();
  });
});

test("keeps pages in as much memory as it is given", async () => {
  let database: DatabaseSync | undefined;
  const openDatabase = (file: string, options: DatabaseSyncOptions): DatabaseSync => {
    database = new DatabaseSync(file, options);
    return database;
  };
  stores.push(await openSqliteStore({ clock: systemClock, path, cacheMiB: 64, openDatabase }));
  expect(database?.prepare("PRAGMA cache_size").get()).toEqual({ cache_size: -65_536 });
  await expect(openMilepost(path, { cacheMiB: 0.5 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("an error of the disk is told as what became of the file, if it is gone", async () => {
  await (await open()).checkpoint(null, 0);
  const connection = new Connection({ path, clock: new ManualClock() });
  await connection.initialize();
  const failing = connection.readOne(() => {
    renameSync(path, `${path}.away`);
    // As SQLite words it when the path that it opened leads nowhere.
    throw Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 1802 });
  });
  await expect(failing).rejects.toMatchObject({ code: "STORE_GONE", message: expect.stringContaining("was deleted") });
  connection.close();
});

describe("several connections", () => {
  test("a held write lock is waited for without blocking, then the call goes on", async () => {
    const store = await open();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const waiting = store.submit(submission(["a"]));
    await new Promise<void>((done) => {
      setImmediate(done);
    });
    other.exec("COMMIT");
    other.close();
    expect((await waiting).verdicts).toEqual(["added"]);
  });

  test("a lock that is never given up ends in STORE_UNAVAILABLE, retryable, with nothing changed", async () => {
    const store = await open({ busyRetryMs: 20 });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.submit(submission(["a"]))).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    other.exec("ROLLBACK");
    other.close();
    expect(await store.batches({ limit: 10 })).toEqual([]);
  });

  test("listeners hear of the commits of another connection", async () => {
    const [mine, theirs] = [await open(), await open()];
    const heard = new Promise<void>((done) => {
      const stop = mine.subscribe(() => {
        stop();
        done();
      });
    });
    await theirs.submit(submission(["a"]));
    await heard;
  });

  test("a process that is killed loses nothing it was told was recorded", async () => {
    const script = `
      import { openSqliteStore } from ${JSON.stringify(new URL("../../src/stores/sqlite/sqlite-store.ts", import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL("../../src/platform/system-clock.ts", import.meta.url).href)};
      const store = await openSqliteStore({ path: ${JSON.stringify(path)}, clock: systemClock });
      const { batch } = await store.submit(${JSON.stringify(submission(["a", "b", "c"]))});
      const worker = await store.openSession(${JSON.stringify(session())});
      const { leases } = await store.claim({ worker, queues: [], pipelines: null, limit: 2, now: 1, turn: 0 });
      await store.record([{ type: "complete", item: leases[0].item, lease: leases[0], startedAt: 1, output: null },
        { type: "start", item: leases[1].item, lease: leases[1], startedAt: 1 }], 2);
      process.stdout.write("recorded");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = new Promise((done) => {
      child.once("exit", done);
    });
    await new Promise((done) => {
      child.stdout.once("data", done);
    });
    child.kill("SIGKILL");
    await gone;
    const store = await open();
    expect((await store.batches({ limit: 1 }))[0]?.counts).toMatchObject({ completed: 1, processing: 1, pending: 1 });
    expect(await store.reap(10, () => true)).toBe(1);
    expect((await store.batches({ limit: 1 }))[0]?.counts).toMatchObject({ completed: 1, processing: 0, pending: 2 });
    expect(await store.verify({ repair: false })).toEqual([]);
  });
});

describe("the pulse", () => {
  test("renews the lease from its own thread while this one is busy, and stops when told", async () => {
    const store = await open();
    const worker = await store.openSession(session(1_000));
    const pulse = store.pulse?.(worker, { everyMs: 20, leftMs: 1_000 }, () => {});
    const beatAt = (): unknown => {
      const db = new DatabaseSync(path);
      const found = db.prepare("SELECT beat_at AS at FROM workers").get()?.at;
      db.close();
      return found;
    };
    const first = beatAt();
    // Reads without ever letting the event loop turn: only another thread can have changed it.
    const until = systemClock.monotonic() + 10_000;
    while (beatAt() === first && systemClock.monotonic() < until);
    expect(beatAt()).not.toBe(first);
    await pulse?.stop();
    await pulse?.stop();
  });

  test("tells that the session was reaped", async () => {
    const store = await open();
    const worker = await store.openSession(session(1_000));
    const lost = new Promise<void>((done) => {
      store.pulse?.(worker, { everyMs: 10, leftMs: 1_000 }, done);
    });
    await store.reap(2_000, () => true);
    await lost;
  });
});

describe("hot paths", () => {
  test("use an index, never a scan of items", async () => {
    await (await open()).close();
    const seen: string[] = [];
    const original = Connection.prototype.query;
    Connection.prototype.query = function <Row extends readonly unknown[]>(this: Connection, sql: string) {
      seen.push(sql);
      return original.call(this, sql) as ReturnType<typeof original<Row>>;
    };
    try {
      await open();
    } finally {
      Connection.prototype.query = original;
    }
    const db = new DatabaseSync(path);
    // Only verify, the orphan checks and the release of a worker's stray items may read the whole table.
    const scans = seen.filter((sql) => {
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
      return plan.some((step) =>
        /^SCAN items(?! USING (COVERING )?INDEX items_(held|waiting))/.test(String(step.detail)),
      );
    });
    db.close();
    expect(seen.length).toBeGreaterThan(60);
    for (const sql of scans) expect(sql).toMatch(/GROUP BY batch, state|NOT IN|NOT EXISTS|batch <> id >> 30/);
  });
});
