import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Reading } from "../../src/ports/reading.ts";
import { type DiagnoseOptions, diagnosePostgres } from "../../src/stores/postgres/diagnose.ts";
import { type Cluster, startCluster } from "../support/cluster.ts";

let cluster: Cluster;
let client: Client;
beforeAll(async () => {
  cluster = await startCluster();
  client = await cluster.connect();
}, 60_000);
afterAll(async () => {
  await client?.end();
  await cluster?.stop();
});

async function diagnose(options: Partial<DiagnoseOptions> = {}): Promise<ReadonlyMap<string, Reading>> {
  const readings = await diagnosePostgres(
    async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows,
    { schema: "public", now: Date.now, isListening: true, ...options },
  );
  return new Map(readings.map((reading) => [reading.name, reading]));
}

test("a sound server has nothing to mend", async () => {
  const readings = await diagnose();
  expect([...readings.values()].filter(({ verdict }) => verdict === "problem")).toEqual([]);
  expect(readings.get("postgresql")?.value).toMatch(/^\d+/);
  for (const name of ["clock", "listen", "connections", "longest transaction", "longest query", "dead rows"])
    expect(readings.get(name)).toMatchObject({ verdict: "fine", advice: null });
  expect(readings.get("size")?.value).toBe("0.0 MiB in schema public");
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
  const other = await cluster.connect();
  await client.query("CREATE TABLE items (n int) WITH (autovacuum_enabled = off)");
  await client.query("INSERT INTO items SELECT generate_series(1, 60000)");
  await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await other.query("SELECT count(*) FROM items");
  await client.query("UPDATE items SET n = n + 1");
  await client.query("SELECT pg_stat_force_next_flush()");
  const readings = await diagnose();
  expect(readings.get("dead rows")).toMatchObject({ verdict: "warning", value: "60000 at most, in items" });
  expect(readings.get("dead rows")?.advice).toContain("in items");
  expect(readings.get("longest transaction")?.value).not.toBe("0 s");
  await other.query("ROLLBACK");
  await other.end();
});
