import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/platform/system-clock.ts";
import type { Reading } from "../../src/ports/reading.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { type DiagnoseOptions, diagnosePostgres } from "../../src/stores/postgres/readings.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
let schema: string;
let client: pg.Client;
beforeAll(async () => {
  cluster = await startCluster({ settings: { fsync: "on" } });
  schema = cluster.newStore().schema;
  await cluster.sql(`CREATE SCHEMA "${schema}"`);
  client = await connect();
}, 60_000);
afterAll(async () => {
  await client?.end();
  await cluster?.drop(schema);
  await cluster?.stop();
});

async function connect(): Promise<pg.Client> {
  const made = new pg.Client({ connectionString: cluster.url, options: `-c search_path=${schema}` });
  await made.connect();
  return made;
}

async function diagnose(options: Partial<DiagnoseOptions> = {}): Promise<ReadonlyMap<string, Reading>> {
  const readings = await diagnosePostgres(
    async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows,
    { schema, now: Date.now, isListening: true, ...options },
  );
  return new Map(readings.map((reading) => [reading.name, reading]));
}

test("a sound server has nothing to mend", async () => {
  const readings = await diagnose();
  expect([...readings.values()].filter(({ verdict }) => verdict === "problem")).toEqual([]);
  expect(readings.get("postgresql")?.value).toMatch(/^\d+/);
  for (const name of ["clock", "listen", "connections", "longest transaction", "longest query", "dead rows"])
    expect(readings.get(name)).toMatchObject({ verdict: "fine", advice: null });
  expect(readings.get("size")?.value).toBe(`0.0 MiB in schema ${schema}`);
});

test("a clock that differs, settings that lose data and a pooler without LISTEN are told", async () => {
  await client.query("SET default_transaction_read_only = on");
  const readings = await diagnose({ now: () => Date.now() - 60_000, isListening: false });
  await client.query("SET default_transaction_read_only = off");
  expect(readings.get("clock")).toMatchObject({ verdict: "warning", value: expect.stringMatching(/^(59|60)\d{3} ms/) });
  expect(readings.get("listen")).toMatchObject({ verdict: "warning" });
  expect(readings.get("default_transaction_read_only")).toMatchObject({ verdict: "problem" });
  expect((await diagnose({ isListening: null })).get("listen")).toMatchObject({ verdict: "fine", value: "not tried" });
});

test("dead rows that autovacuum does not remove, and who holds it back", async () => {
  const other = await connect();
  onTestFinished(() => other.end());
  await client.query("CREATE TABLE items (n int) WITH (autovacuum_enabled = off)");
  await client.query("INSERT INTO items SELECT generate_series(1, 60000)");
  await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await other.query("SELECT count(*) FROM items");
  await client.query("UPDATE items SET n = n + 1");
  // The server's statistics follow about a second later.
  const readings = await vi.waitFor(
    async () => {
      const found = await diagnose();
      expect(found.get("dead rows")).toMatchObject({ verdict: "warning", value: "60000 at most, in items" });
      return found;
    },
    { timeout: 20_000, interval: 100 },
  );
  expect(readings.get("dead rows")?.advice).toContain("in items");
  expect(readings.get("longest transaction")?.value).not.toBe("0 s");
  await other.query("ROLLBACK");
});

test("a store tells of its server, of itself, and whether news come through", async () => {
  const { url, schema: own } = cluster.newStore();
  const parted = new URL(url);
  parted.searchParams.set("partitions", "2");
  const store = await openPostgresStore({ url: parted.href, clock: systemClock });
  onTestFinished(() => store.close());
  const readings = new Map((await store.diagnose?.())?.map((reading) => [reading.name, reading]));
  expect(readings.get("listen")).toMatchObject({ verdict: "fine", value: "works" });
  expect(readings.get("size")?.value).toContain(own);
  expect(readings.get("partitions")?.value).toBe("2");
  expect(Number(readings.get("schema")?.value)).toBeGreaterThan(1);
});
