import { createHash, randomUUID } from "node:crypto";
import type { ClientBase, QueryConfig } from "pg";
import { MilepostError } from "../../core/errors.ts";
import { type CopyPurpose, checkMark, dropAbandoned, putMark } from "./copy-mark.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { RESTORING } from "./migrations/0002-restoring.ts";
import { COMPLETION } from "./migrations/0003-completion.ts";
import { keyPlace, qualify } from "./names.ts";

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** In order, without gaps. A published one is never edited: its checksum is kept in every store. */
export const MIGRATIONS: readonly Migration[] = [INITIAL, RESTORING, COMPLETION];

/** What takes as long as the store is large. */
export const LONG_MS = 3_600_000;

const ITEMS_VACUUM = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000";

export interface MigrateOptions {
  readonly schema: string;
  /** For people. */
  readonly shown: string;
  /** As in `Location`. */
  readonly partitions: number;
  /** Of the advisory lock that only one of all who migrate has. */
  readonly lockKey: string;
  readonly now: number;
  /** False: nothing is made where nothing is. */
  readonly mayCreate: boolean;
  readonly copy?: CopyPurpose;
  readonly migrations?: readonly Migration[];
}

export function checksumOf(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/**
 * Brings a schema up to date, in one transaction under an advisory lock: of programs that start at once one does it, the others
 * wait. A schema that is up to date is only read, without any lock. Returns the mark of the copy that is being made in it, or null.
 *
 * @throws {MilepostError} `STORE_SCHEMA` for a schema that is newer than this program or differs from what it was made with;
 * `STORE_UNSUPPORTED` for a schema of another program, and for a copy that is not whole; `NOT_FOUND` where nothing may be made;
 * `CONFLICT` where a copy is to begin and something is
 */
export async function migrate(client: ClientBase, options: MigrateOptions): Promise<string | null> {
  const { copy, migrations = MIGRATIONS } = options;
  const begin = copy !== undefined && "begin" in copy ? copy.begin : null;
  const expected = copy !== undefined && "mark" in copy ? copy.mark : null;
  if (begin === null && (await appliedOf(client, options, migrations)) === migrations.length)
    return checkMark(client, options, expected);
  await client.query("BEGIN");
  try {
    // Another program may be at work on a large store, for as long as that takes.
    await runLong(client, "SELECT pg_advisory_xact_lock($1)", [options.lockKey]);
    let applied = await appliedOf(client, options, migrations);
    let hasMadeSchema = false;
    if (begin !== null && applied > 0) {
      hasMadeSchema = await dropAbandoned(client, options, { isDead: begin.isDead, migrations });
      applied = 0;
    }
    if (applied === 0) hasMadeSchema = (await createSchema(client, options)) || hasMadeSchema;
    for (const migration of migrations.slice(applied)) {
      await runLong(client, expand(migration.sql, options));
      await client.query(
        qualify("INSERT INTO @migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)", options.schema),
        [migration.number, migration.name, checksumOf(migration), options.now],
      );
    }
    const mark =
      begin === null
        ? await checkMark(client, options, expected)
        : await putMark(client, options, { ...begin.self, id: randomUUID(), hasMadeSchema });
    await client.query("COMMIT");
    return mark;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

async function runLong(client: ClientBase, text: string, values?: string[]): Promise<void> {
  // Types do not know that a query may have a time-out of its own.
  const query: QueryConfig & { query_timeout: number } = { text, query_timeout: LONG_MS, ...(values && { values }) };
  await client.query(query);
}

/** Returns whether the schema itself was made. */
async function createSchema(client: ClientBase, { schema, shown, mayCreate }: MigrateOptions): Promise<boolean> {
  if (!mayCreate) {
    throw new MilepostError("NOT_FOUND", `there is no store at ${shown}; submit work first or name one with --store`);
  }
  // Asked first: who may use a schema that was made for him may not have the right to make one.
  const found = await client.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
  if (found.rowCount === 0) await client.query(qualify("CREATE SCHEMA @", schema));
  const others = await client.query(
    "SELECT count(*)::int AS n FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1 AND relkind IN ('r', 'p', 'v')",
    [schema],
  );
  if (others.rows[0].n > 0) {
    throw new MilepostError(
      "STORE_UNSUPPORTED",
      `the schema ${schema} holds tables of another program; name another one: ?schema=…`,
    );
  }
  await client.query(
    qualify(
      "CREATE TABLE @migrations (number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)",
      schema,
    ),
  );
  return found.rowCount === 0;
}

/** How many migrations the schema has; 0 where there is none. */
export async function appliedOf(
  client: ClientBase,
  { schema, shown }: Pick<MigrateOptions, "schema" | "shown">,
  migrations: readonly Migration[],
): Promise<number> {
  // Read as rows: a look-up by name may remember that there was none.
  const found = await client.query(
    "SELECT 1 FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = $1 AND relname = 'migrations'",
    [schema],
  );
  if (found.rowCount === 0) return 0;
  const { rows } = await client.query(
    qualify("SELECT number, name, checksum FROM @migrations ORDER BY number", schema),
  );
  if (rows.length > migrations.length) {
    throw new MilepostError(
      "STORE_SCHEMA",
      `${shown} has schema ${rows.length}, newer than ${migrations.length}, the newest this version of Milepost knows. Update Milepost; nothing was changed.`,
    );
  }
  for (const [index, row] of rows.entries()) {
    const known = migrations[index];
    if (known === undefined || row.number !== known.number || row.checksum !== checksumOf(known)) {
      throw new MilepostError(
        "STORE_SCHEMA",
        `${shown} was made with another form of migration ${row.number} (${row.name}): its checksum differs. Open it with the version that made it; nothing was changed.`,
      );
    }
  }
  return rows.length;
}

function expand(sql: string, { schema, partitions }: MigrateOptions): string {
  const parts = Array.from(
    { length: partitions },
    (_, part) =>
      `CREATE TABLE @items_${part} PARTITION OF @items FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${part}) WITH (${ITEMS_VACUUM});`,
  );
  const expanded = sql
    .replace("@ITEMS_STORAGE", partitions > 0 ? "PARTITION BY HASH (batch)" : `WITH (${ITEMS_VACUUM})`)
    .replace("@ITEMS_PARTITIONS", parts.join("\n"))
    .replace("@KEY_PLACE(key)", keyPlace("key"));
  return qualify(expanded, schema);
}
