import type { Client } from "pg";
import { fine, type Reading } from "../../ports/reading.ts";
import type { Connection } from "./connection.ts";
import { lockKeyOf } from "./names.ts";
import { toStoreError } from "./postgres-errors.ts";
import { diagnosePostgres, type RowsOf } from "./readings.ts";

/** How long a hint to oneself may take to come back. */
const PROBE_MS = 2_000;

/** Prepares `diagnose` of the port. It looks by a connection of its own: those of the pool may all be taken, which is what it is to tell. */
export function prepareDiagnose(connection: Connection): () => Promise<readonly Reading[]> {
  const schema = connection.query<readonly [schema: number, partitions: number]>(`SELECT max(number),
    (SELECT count(*)::int FROM pg_inherits WHERE inhparent = '@items'::regclass) FROM @migrations`);

  return async () => {
    const client = connection.newClient("doctor");
    try {
      await client.connect();
      const rowsOf: RowsOf = async (text, values = []) => (await client.query(text, [...values])).rows;
      const isListening = await isTold(connection, client);
      const { clock, location } = connection;
      const readings = await diagnosePostgres(rowsOf, {
        schema: location.schema,
        now: () => clock.now(),
        isListening,
      });
      const [number, partitions] = (await connection.get(schema)) ?? [0, 0];
      return [...readings, fine("schema", number), fine("partitions", partitions)];
    } catch (error) {
      throw toStoreError(error, connection.location.shown);
    } finally {
      await client.end().catch(() => {});
    }
  };
}

/** Whether what is told to a channel comes to who listens to it: a pooler in transaction mode swallows it. */
async function isTold({ clock, location, self }: Connection, client: Client): Promise<boolean> {
  const channel = `milepost_${lockKeyOf(location.schema, "doctor", self).replace("-", "_")}`;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  client.once("notification", () => resolve(true));
  const timer = clock.after(PROBE_MS, () => resolve(false));
  try {
    await client.query(`LISTEN ${channel}`);
    await client.query(`NOTIFY ${channel}`);
    return await promise;
  } finally {
    timer.cancel();
    await client.query(`UNLISTEN ${channel}`);
  }
}
