import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { MilepostError } from "../../core/errors.ts";
import { INITIAL } from "./migrations/0001-initial.ts";
import { DRAIN } from "./migrations/0002-drain.ts";
import { toOpenError } from "./sqlite-errors.ts";

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** In order, without gaps. A published one is never edited: its checksum is kept in every store. */
export const MIGRATIONS: readonly Migration[] = [INITIAL, DRAIN];

/** Marks a file as ours in its header: "MILE" in ASCII. */
export const APPLICATION_ID = 0x4d494c45;

export function checksumOf(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/**
 * Looks at a file before anything is written to it, and returns how many migrations it has.
 *
 * @throws {MilepostError} `STORE_UNSUPPORTED` for the database of another program; `STORE_SCHEMA` for a schema that is
 * newer than this program or differs from what it was made with.
 */
export function inspectSchema(db: DatabaseSync, path: string, migrations: readonly Migration[] = MIGRATIONS): number {
  const tables = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n;
  if (tables === 0) return 0;
  const id = db.prepare("PRAGMA application_id").get()?.application_id;
  if (id !== APPLICATION_ID) {
    throw new MilepostError(
      "STORE_UNSUPPORTED",
      `${path} must be a Milepost store; found a SQLite database of another program (application_id ${String(id)}). Give another path.`,
    );
  }
  return appliedOf(db, path, migrations);
}

/** Reads how far a file's schema is, without changing it. @throws {MilepostError} as `inspectSchema`, and `STORE_*` for what is no store */
export function readSqliteSchema(path: string): { readonly applied: number; readonly missing: readonly Migration[] } {
  try {
    using db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
    const applied = inspectSchema(db, path);
    return { applied, missing: MIGRATIONS.slice(applied) };
  } catch (error) {
    throw toOpenError(error, path);
  }
}

/** Brings the schema up to date, in one transaction that the caller has begun; two starts at once cannot meet in it. */
export function migrate(
  db: DatabaseSync,
  options: { readonly path: string; readonly now: number; readonly migrations?: readonly Migration[] },
): void {
  const migrations = options.migrations ?? MIGRATIONS;
  inspectSchema(db, options.path, migrations);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID};
    CREATE TABLE IF NOT EXISTS migrations (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT;`);
  const applied = appliedOf(db, options.path, migrations);
  const insert = db.prepare("INSERT INTO migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)");
  for (const migration of migrations.slice(applied)) {
    db.exec(migration.sql);
    insert.run(migration.number, migration.name, checksumOf(migration), options.now);
  }
}

function appliedOf(db: DatabaseSync, path: string, migrations: readonly Migration[]): number {
  const rows = db.prepare("SELECT number, name, checksum FROM migrations ORDER BY number").all();
  if (rows.length > migrations.length) {
    throw new MilepostError(
      "STORE_SCHEMA",
      `${path} has schema ${rows.length}, newer than ${migrations.length}, the newest this version of Milepost knows. Update Milepost; the file was not touched.`,
    );
  }
  for (const [index, row] of rows.entries()) {
    const known = migrations[index];
    if (known === undefined || row.number !== known.number || row.checksum !== checksumOf(known)) {
      throw new MilepostError(
        "STORE_SCHEMA",
        `${path} was made with another form of migration ${String(row.number)} (${String(row.name)}): its checksum differs. Open it with the version that made it; the file was not touched.`,
      );
    }
  }
  return rows.length;
}
