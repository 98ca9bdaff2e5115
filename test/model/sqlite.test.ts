import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { it } from "vitest";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import type { OpenStore } from "../../src/testing/conformance-case.ts";
import { checkHistories, HISTORY, live } from "./histories.ts";

const openSqlite: OpenStore = async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), "milepost-model-"));
  const store = await openSqliteStore({ path: join(folder, "milepost.db"), clock });
  return {
    store,
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const openMemory: OpenStore = async (clock) => {
  const store = createMemoryStore({ clock });
  return { store, close: () => store.close() };
};

it("any history of two workers and an operator leaves the SQLite store as the model says", async () => {
  await checkHistories(openSqlite, 100);
});

it("the same history leaves the same in memory and in SQLite, to the last value", async () => {
  const property = fc.asyncProperty(HISTORY, async (operations) => {
    assert.deepEqual(await live(openSqlite, operations), await live(openMemory, operations));
  });
  await fc.assert(property, { numRuns: 100, interruptAfterTimeLimit: 6_000, markInterruptAsFailure: false });
});
