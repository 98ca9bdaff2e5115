import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, it } from "vitest";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import type { OpenStore } from "../../src/testing/conformance-case.ts";
import { openPostgres } from "../support/open-postgres.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";
import { checkHistories, HISTORY, live } from "./histories.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

const inPostgres: OpenStore = (clock) => openPostgres(cluster, clock);

const inSqlite: OpenStore = async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), "milepost-model-"));
  const store = await openSqliteStore({ path: join(folder, "milepost.db"), clock });
  const close = async (): Promise<void> => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { store, close };
};

const inMemory: OpenStore = async (clock) => {
  const store = createMemoryStore({ clock });
  return { store, close: () => store.close() };
};

it("any history of two workers and an operator leaves the PostgreSQL store as the model says", async () => {
  await checkHistories(inPostgres, 15);
});

it("the same history leaves the same in memory, in SQLite and in PostgreSQL, to the last value", async () => {
  const property = fc.asyncProperty(HISTORY, async (operations) => {
    const expected = await live(inMemory, operations);
    assert.deepEqual(await live(inSqlite, operations), expected, "in SQLite");
    assert.deepEqual(await live(inPostgres, operations), expected, "in PostgreSQL");
  });
  await fc.assert(property, { numRuns: 15, interruptAfterTimeLimit: 9_000, markInterruptAsFailure: false });
});
