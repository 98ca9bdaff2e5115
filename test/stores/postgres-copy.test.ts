import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Restore } from "../../src/ports/dump.ts";
import type { ProcessIdentity } from "../../src/ports/host.ts";
import type { Store } from "../../src/ports/store.ts";
import { copyStore } from "../../src/stores/copy-store.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { openPostgresRestore } from "../../src/stores/postgres/restore.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";
import { StoreTrial } from "../../src/testing/store-trial.ts";
import { openPostgres } from "../support/open-postgres.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const isDead = ({ pid }: ProcessIdentity): boolean => pid === 7;

interface Scene {
  readonly trial: StoreTrial;
  readonly schema: string;
  readonly url: string;
  begin(pid?: number): Promise<Restore>;
  copy(to: Restore): ReturnType<typeof copyStore>;
  open(): Promise<Store>;
  tables(): Promise<readonly unknown[]>;
}

/** A store, and a schema to copy it to. */
async function scene(parameters: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const trial = await StoreTrial.open((clock: ManualClock) => openPostgres(cluster, clock));
  const { url: plain, schema } = cluster.newStore();
  onTestFinished(async () => {
    await trial.close();
    await cluster.drop(schema);
  });
  const url = `${plain}${Object.entries(parameters).map(([name, value]) => `&${name}=${value}`)}`;
  const { clock } = trial;
  const place = { url, clock, leaseClock: clock };
  return {
    trial,
    schema,
    url,
    begin: (pid = 1) => openPostgresRestore({ ...place, self: { host: "far/boot", pid, birth: "" }, isDead }),
    copy: (to) => copyStore({ from: trial.opened.store, to, clock, isDead }),
    open: async () => {
      const store = await openPostgresStore(place);
      onTestFinished(() => store.close());
      return store;
    },
    tables: () =>
      cluster.sql("SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1", [schema]),
  };
}

describe("a copy to PostgreSQL", () => {
  test("is refused while a worker holds a block; the items of a dead one are as if nobody had claimed them", async () => {
    const { trial, begin, copy, open, tables } = await scene({ partitions: "3" });
    const { number } = await trial.batch({ items: 5 });
    const worker = await trial.worker();
    expect(await trial.claim(worker, { limit: 3 })).toHaveLength(3);
    await expect(copy(await begin())).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await tables()).toEqual([]);
    await trial.store.closeSession(worker, trial.clock.now());
    expect(await copy(await begin())).toMatchObject({ batches: 1, items: 5 });
    const store = await open();
    const now = trial.clock.now();
    const identity = { host: "h", pid: 1, birth: "b", name: "later", queues: [], batch: null, pipelines: null };
    const later = await store.openSession({ ...identity, concurrency: 9, leaseMs: 30_000, now });
    expect(later).toBe(worker + 1);
    const claim = { worker: later, queues: [], pipelines: null, limit: 9, now, turn: 0 };
    expect((await store.claim(claim)).leases).toHaveLength(5);
    expect((await store.batch({ number }))?.counts).toMatchObject({ total: 5, pending: 5 });
  });

  test("is known to the planner from the start", async () => {
    const { trial, schema, begin, copy } = await scene();
    await trial.batch({ items: 10 });
    await copy(await begin());
    const known = `SELECT c.reltuples AS rows FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = 'items'`;
    expect(await cluster.sql(known, [schema])).toEqual([{ rows: 10 }]);
  });

  test("is nobody's store until it is whole, and is refused where one is", async () => {
    const { trial, begin, copy, open, url } = await scene();
    await trial.batch({ items: 2 });
    const to = await begin();
    await expect(open()).rejects.toMatchObject({ code: "STORE_UNSUPPORTED", message: expect.stringContaining("far") });
    await expect(begin(2)).rejects.toMatchObject({ code: "CONFLICT", message: expect.stringContaining("Process 1") });
    await copy(to);
    const store = await open();
    expect(await store.batches({ limit: 9 })).toHaveLength(1);
    await expect(begin(2)).rejects.toMatchObject({ code: "CONFLICT", message: expect.not.stringContaining(url) });
    // As after a COMMIT whose answer was lost.
    await to.discard().catch(() => {});
    expect(await store.batches({ limit: 9 })).toHaveLength(1);
  });

  test("that a dead process left is removed by the next, which notices if it is removed itself", async () => {
    const { trial, begin, copy, open, tables, schema } = await scene();
    await trial.batch({ items: 2 });
    const dead = await begin(7);
    await dead.write([{ kind: "queue", name: "left", control: "pause", concurrency: null }]);
    const to = await begin();
    await expect(dead.write([])).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(dead.publish()).rejects.toMatchObject({ code: "CONFLICT" });
    await dead.discard();
    await copy(to);
    expect((await (await open()).queues()).map(({ name }) => name)).not.toContain("left");
    await cluster.drop(schema);
    await (await begin()).discard();
    expect(await cluster.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
    await cluster.sql(`CREATE SCHEMA "${schema}"`);
    await (await begin()).discard();
    expect(await tables()).toEqual([]);
    expect(await cluster.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toHaveLength(1);
  });

  test("that lost a row is never published", async () => {
    const { trial, begin, copy, tables } = await scene();
    await trial.batch({ items: 20 });
    const to = await begin();
    const lossy: Restore = {
      write: (rows) => to.write(rows.filter((row) => row.kind !== "item" || row.key !== "item-3")),
      open: () => to.open(),
      publish: () => to.publish(),
      discard: () => to.discard(),
    };
    await expect(copy(lossy)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect(await tables()).toEqual([]);
  });
});
