import { loadPg } from "./load-pg.ts";
import { readLocation } from "./location.ts";
import { appliedOf, MIGRATIONS, type Migration } from "./migrator.ts";
import { toStoreError } from "./postgres-errors.ts";

const TIMEOUT_MS = 10_000;

export interface PostgresSchema {
  readonly applied: number;
  readonly missing: readonly Migration[];
  /** Parts of the table of items; 0: it is in one. */
  readonly partitions: number;
}

/** Reads how far a schema is, and how its items are kept. Changes nothing. @throws {MilepostError} `STORE_*`, `INVALID_ARGUMENT` */
export async function readPostgresSchema(url: string): Promise<PostgresSchema> {
  const location = readLocation(url);
  const { Client } = await loadPg();
  const times = { connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS };
  const client = new Client({ connectionString: location.url, application_name: "milepost schema", ...times });
  client.on("error", () => {});
  try {
    await client.connect();
    const applied = await appliedOf(client, location, MIGRATIONS);
    const { rows } = await client.query(
      `SELECT count(*)::int AS parts FROM pg_inherits JOIN pg_class AS c ON c.oid = inhparent
      JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = $1 AND relname = 'items'`,
      [location.schema],
    );
    return { applied, missing: MIGRATIONS.slice(applied), partitions: rows[0]?.parts ?? 0 };
  } catch (error) {
    throw toStoreError(error, location.shown);
  } finally {
    await client.end().catch(() => {});
  }
}
