import pg from "pg";
import type { PostgresInput } from "./input.ts";

export const CHUNK = 1_000;

/**
 * What a person would write by hand to run a batch once with several processes: the columns that the row changes need, and the
 * index that finds what waits. No unique keys, feed, attempts, retries or control.
 */
export async function openRaw(input: PostgresInput): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: input.location });
  await client.connect();
  await client.query("SET synchronous_commit = off");
  await client.query(`SET search_path = ${input.schema}`);
  return client;
}

export async function makeRaw(client: pg.Client, { schema }: PostgresInput): Promise<void> {
  await client.query(`CREATE SCHEMA ${schema};
    CREATE TABLE batches (id int PRIMARY KEY, total int NOT NULL, pending int NOT NULL, processing int NOT NULL,
      completed int NOT NULL) WITH (fillfactor = 50);
    CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, batch int NOT NULL, key text NOT NULL,
      state smallint NOT NULL, token int NOT NULL, worker int NOT NULL, started_at bigint, ended_at bigint);
    CREATE INDEX items_pending ON items (id) WHERE state = 0;
    INSERT INTO batches VALUES (1, 0, 0, 0, 0)`);
}

/** Runs `work` in one transaction. */
export async function transact(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query("BEGIN");
  await work();
  await client.query("COMMIT");
}
