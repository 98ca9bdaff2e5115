import type { Store } from "../../src/ports/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import type { OpenedStore } from "../../src/testing/conformance-case.ts";
import type { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Cluster } from "./postgres.ts";

/** A fresh store in a schema of its own, by the clock of the test. `parameters` go into its URL. */
export async function openPostgres(
  cluster: Cluster,
  clock: ManualClock,
  parameters: Readonly<Record<string, string>> = {},
): Promise<OpenedStore> {
  const more = Object.entries(parameters)
    .map(([name, value]) => `&${name}=${value}`)
    .join("");
  const { url: plain, schema } = cluster.usedStore(more);
  const url = `${plain}${more}`;
  const stores: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await openPostgresStore({ url, clock, leaseClock: clock });
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
      // Both, or the table's own checks would refuse.
      await cluster.sql(
        `UPDATE "${schema}".batches SET completed = completed + 1, total = total + 1 WHERE number = $1`,
        [batch],
      );
    },
    close: async () => {
      await Promise.all(stores.map((opened) => opened.close()));
      await cluster.recycle(schema, more);
    },
  };
}
