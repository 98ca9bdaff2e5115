import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Store } from "../../src/ports/store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { describeStore } from "../../src/testing/describe-store.ts";

describeStore("SQLite store", async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), "milepost-conformance-"));
  const path = join(folder, "milepost.db");
  const stores: Store[] = [];
  const open = async () => {
    const store = await openSqliteStore({ path, clock });
    stores.push(store);
    return store;
  };
  const store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      return open();
    },
    damage: async (batch) => {
      const db = new DatabaseSync(path);
      // Both, or the file's own checks would refuse.
      db.prepare("UPDATE batches SET completed = completed + 1, total = total + 1 WHERE number = ?").run(batch);
      db.close();
    },
    close: async () => {
      await Promise.all(stores.map((opened) => opened.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
});
