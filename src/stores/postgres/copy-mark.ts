import type { ClientBase } from "pg";
import { MilepostError } from "../../core/errors.ts";
import type { ProcessIdentity } from "../../ports/host.ts";
import type { MigrateOptions, Migration } from "./migrator.ts";
import { qualify } from "./names.ts";

/**
 * What a schema is opened for beside being a store: to `begin` a copy in it, or as the copy that has this `mark`. The mark stands in
 * `meta` from the commit that makes the schema until the store is whole: nobody else opens what has one.
 */
export type CopyPurpose =
  | { readonly begin: { readonly self: ProcessIdentity; readonly isDead: (process: ProcessIdentity) => boolean } }
  | { readonly mark: string };

interface Mark extends ProcessIdentity {
  /** Tells copies of one process apart. */
  readonly id: string;
  /** Whether the schema goes with the copy if that is given up. */
  readonly hasMadeSchema: boolean;
}

type Place = Pick<MigrateOptions, "schema" | "shown">;

/** Marks the schema, which has just been made, and returns the mark. */
export async function putMark(client: ClientBase, { schema }: Place, mark: Mark): Promise<string> {
  const text = JSON.stringify(mark);
  await client.query(qualify("UPDATE @meta SET restoring = $1", schema), [text]);
  return text;
}

/** Reads the mark of a schema that is up to date. @throws {MilepostError} `STORE_UNSUPPORTED` for another one than `expected` */
export async function checkMark(
  client: ClientBase,
  { schema, shown }: Place,
  expected: string | null,
): Promise<string | null> {
  const found = await readMark(client, schema);
  if (found === null || found === expected) return found;
  throw new MilepostError("STORE_UNSUPPORTED", `${shown} is a copy that is not whole. ${adviceOn(found, schema)}`);
}

/**
 * Makes room for a copy: removes what one whose process is dead has left, and returns whether the schema itself was made for it.
 *
 * @throws {MilepostError} `CONFLICT` for a store, and for a copy that may still be under way
 */
export async function dropAbandoned(
  client: ClientBase,
  { schema, shown }: Place,
  options: { readonly isDead: (process: ProcessIdentity) => boolean; readonly migrations: readonly Migration[] },
): Promise<boolean> {
  const found = await readMark(client, schema);
  if (found === null) {
    throw new MilepostError(
      "CONFLICT",
      `there is a store at ${shown}; a store is copied to where nothing is: ?schema=…`,
    );
  }
  const mark = JSON.parse(found) as Mark;
  if (!options.isDead(mark)) {
    throw new MilepostError("CONFLICT", `another copy to ${shown} was begun. ${adviceOn(found, schema)}`);
  }
  for (const sql of dropTablesSql(options.migrations)) await client.query(qualify(sql, schema));
  return mark.hasMadeSchema;
}

/** The statements that remove a copy: its tables, and the schema if that was made for it. */
export function dropCopySql(mark: string, migrations: readonly Migration[]): readonly string[] {
  const { hasMadeSchema } = JSON.parse(mark) as Mark;
  return [...dropTablesSql(migrations), ...(hasMadeSchema ? ["DROP SCHEMA @"] : [])];
}

function dropTablesSql(migrations: readonly Migration[]): readonly string[] {
  const sql = migrations.map((migration) => migration.sql).join("\n");
  const namesOf = (kind: string): string =>
    Array.from(sql.matchAll(new RegExp(`CREATE (?:OR REPLACE )?${kind} (@[a-z_]+)`, "g")), ([, name]) => name).join(
      ", ",
    );
  return [`DROP FUNCTION IF EXISTS ${namesOf("FUNCTION")}`, `DROP TABLE IF EXISTS @migrations, ${namesOf("TABLE")}`];
}

async function readMark(client: ClientBase, schema: string): Promise<string | null> {
  // As a document: a schema of before has no such column.
  const { rows } = await client.query(qualify("SELECT to_jsonb(m) ->> 'restoring' AS mark FROM @meta AS m", schema));
  return rows[0]?.mark ?? null;
}

function adviceOn(text: string, schema: string): string {
  const { host, pid } = JSON.parse(text) as Mark;
  return `Process ${pid} on ${host.split("/", 1)[0]} makes it; if that has died, drop the schema ${schema} and copy again.`;
}
