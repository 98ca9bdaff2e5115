import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { DumpedRow, Restore } from "../../src/ports/dump.ts";
import type { Store } from "../../src/ports/store.ts";
import { copyStore } from "../../src/stores/copy-store.ts";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { openMemoryRestore } from "../../src/stores/memory/restore.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { openPostgresRestore } from "../../src/stores/postgres/restore.ts";
import { openSqliteRestore } from "../../src/stores/sqlite/restore.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import type { OpenStore } from "../../src/testing/conformance-case.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { StoreTrial } from "../../src/testing/store-trial.ts";
import { HISTORY, liveOn } from "../model/histories.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { openPostgres } from "../support/open-postgres.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

const KINDS = ["memory", "sqlite", "postgres"] as const;
type Kind = (typeof KINDS)[number];

const isDead = (): boolean => false;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

function openFor(kind: Kind, folder: string): OpenStore {
  return async (clock) => {
    if (kind === "postgres") return openPostgres(cluster, clock);
    const path = join(folder, `from-${++copies}.db`);
    const store = kind === "memory" ? createMemoryStore({ clock }) : await openSqliteStore({ path, clock });
    return { store, close: () => store.close() };
  };
}

/** Where a copy goes to, and how it is opened once it is published. */
interface Target {
  readonly restore: Restore;
  open(): Promise<Store>;
  remove(): Promise<void>;
}

async function targetOf(kind: Kind, folder: string, clock: ManualClock): Promise<Target> {
  const nothing = async (): Promise<void> => {};
  if (kind === "memory") {
    const restore = openMemoryRestore({ clock });
    return { restore, open: () => restore.open(), remove: nothing };
  }
  if (kind === "postgres") {
    const { url, schema } = cluster.newStore();
    const place = { url, clock, leaseClock: clock };
    const restore = await openPostgresRestore({ ...place, self: { host: "h", pid: 1, birth: "" }, isDead });
    return { restore, open: () => openPostgresStore(place), remove: () => cluster.drop(schema) };
  }
  const path = join(folder, `to-${++copies}.db`);
  const restore = await openSqliteRestore({ path, clock, pid: 1, isRunning: () => true });
  return { restore, open: () => openSqliteStore({ path, clock }), remove: nothing };
}

async function dumped(store: Store): Promise<readonly DumpedRow[]> {
  const rows: DumpedRow[] = [];
  for await (const page of store.dump?.() ?? []) rows.push(...page);
  return rows;
}

async function leaveAll({ store, clock }: StoreTrial): Promise<void> {
  for (const { number } of await store.sessions()) await store.closeSession(number, clock.now());
}

let copies = 0;

describe.each(KINDS)("a copy from %s", (from) => {
  test.each(KINDS)("to %s holds the same after any history, and goes on like it", async (to) => {
    const folder = temporaryFolder();
    const property = fc.asyncProperty(HISTORY, async (operations) => {
      await liveOn(openFor(from, folder), operations, async (trial) => {
        await leaveAll(trial);
        const { clock } = trial;
        const { store } = trial.opened;
        const target = await targetOf(to, folder, clock);
        await copyStore({ from: store, to: target.restore, clock, isDead });
        const copy = await target.open();
        expect(await dumped(copy)).toEqual(await dumped(store));
        const seen = [];
        for (const each of [store, copy]) seen.push(await goOn(each, trial));
        expect(seen[1]).toEqual(seen[0]);
        expect(await copy.verify({ repair: false })).toEqual([]);
        await copy.close();
        await target.remove();
      });
    });
    // By number, not by time: on a machine that is busy none would be run.
    const isSlow = from === "postgres" || to === "postgres";
    await fc.assert(property, { numRuns: isSlow ? 5 : 12 });
  });
});

/** What a store does with its batch from here on: its feed from every version, its claims, and ends. */
async function goOn(store: Store, { clock }: StoreTrial): Promise<unknown> {
  const seen: unknown[] = [];
  for (const batch of await store.batches({ limit: 10 })) {
    for (let since = 0; since <= batch.version; since++) seen.push(await store.changes(batch.number, since, 100));
  }
  const identity = { host: "h", pid: 1, birth: "b", name: "later" };
  const scope = { queues: [], batch: null, pipelines: null, concurrency: 9, leaseMs: 30_000, now: clock.now() };
  const worker = await store.openSession({ ...identity, ...scope });
  seen.push(worker);
  await store.control({ type: "resume", target: { queue: "main" } }, clock.now());
  const { leases } = await store.claim({ worker, queues: [], pipelines: null, limit: 100, now: clock.now(), turn: 0 });
  seen.push(leases);
  const ends = leases.map((lease) => ({
    type: "complete" as const,
    item: lease.item,
    lease,
    startedAt: clock.now(),
    output: null,
  }));
  seen.push(await store.record(ends, clock.now()));
  await store.closeSession(worker, clock.now());
  seen.push(await store.batches({ limit: 10 }));
  return seen;
}

describe("copying", () => {
  async function scene() {
    const folder = temporaryFolder();
    const clock = new ManualClock();
    const from = await openSqliteStore({ path: join(folder, "from.db"), clock });
    onTestFinished(() => from.close());
    const begin = (pid = 1) =>
      openSqliteRestore({ path: join(folder, "to.db"), clock, pid, isRunning: (other) => other === 1 });
    const submit = (key: string) =>
      from.submit({
        batch: {
          id: `00000000-0000-7000-8000-00000000000${key}`,
          owner: "",
          name: key,
          queue: "q",
          pipeline: "p",
          options: null,
          policy: {
            attempts: 1,
            delayMs: 1,
            maxDelayMs: 1,
            timeoutMs: null,
            crashBudget: 1,
            maxFailures: null,
            maxFailureRatio: null,
            onFailureBudget: "stop",
          },
          stages: [],
          priority: 0,
          startAt: null,
          work: "p",
        },
        items: Array.from({ length: 250 }, (_, n) => ({
          key: `${n}`,
          input: null,
          size: null,
          kind: null,
          priority: 0,
        })),
        seal: true,
        now: clock.now(),
      });
    return { folder, clock, from, begin, submit, options: { from, clock, isDead } };
  }

  test("is refused while somebody works, and to where a file is", async () => {
    const { from, begin, submit, options, clock, folder } = await scene();
    await submit("1");
    const identity = { host: "h", pid: 1, birth: "b", name: "host:1", queues: [], batch: null, pipelines: null };
    const worker = await from.openSession({ ...identity, concurrency: 1, leaseMs: 30_000, now: clock.now() });
    await expect(copyStore({ ...options, to: await begin() })).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("host:1"),
    });
    await from.closeSession(worker, clock.now());
    expect(readdirSync(folder).filter((name) => name.startsWith("to.db"))).toEqual([]);
    expect(await copyStore({ ...options, to: await begin() })).toMatchObject({ batches: 1, items: 250 });
    expect(readdirSync(folder).filter((name) => name.startsWith("to.db"))).toEqual(["to.db"]);
    await expect(begin()).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("a store that changes meanwhile is noticed, and nothing is left of the copy", async () => {
    const { begin, submit, options, folder } = await scene();
    await submit("1");
    let isFirst = true;
    const onProgress = (): void => {
      if (isFirst) void submit("2");
      isFirst = false;
    };
    await expect(copyStore({ ...options, to: await begin(), onProgress })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(readdirSync(folder).filter((name) => name.startsWith("to.db"))).toEqual([]);
  });

  test("one that is cut short leaves nothing; what a dead one left is removed, that of a living one stays", async () => {
    const { begin, submit, options, folder } = await scene();
    await submit("1");
    const abort = new AbortController();
    const onProgress = (): void => abort.abort(new Error("Ctrl-C"));
    await expect(copyStore({ ...options, to: await begin(), onProgress, signal: abort.signal })).rejects.toThrow(
      "Ctrl-C",
    );
    expect(existsSync(join(folder, "to.db"))).toBe(false);
    await begin(7);
    await begin(1);
    expect(existsSync(join(folder, "to.db.copying-7"))).toBe(false);
    expect(existsSync(join(folder, "to.db.copying-1"))).toBe(true);
  });

  test("a copy that lost a row is never published", async () => {
    const { begin, submit, options, folder } = await scene();
    await submit("1");
    const to = await begin();
    const lossy: Restore = {
      write: (rows) => to.write(rows.filter((row) => row.kind !== "item" || row.key !== "17")),
      open: () => to.open(),
      publish: () => to.publish(),
      discard: () => to.discard(),
    };
    await expect(copyStore({ ...options, to: lossy })).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect(readdirSync(folder).filter((name) => name.startsWith("to.db"))).toEqual([]);
  });
});
