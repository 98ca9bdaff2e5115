import { MilepostError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** One step of a store's schema. */
export interface SchemaStep {
  readonly number: number;
  readonly name: string;
}

/** How far a store's schema is, by what this program knows. */
export interface StoreSchema {
  /** Steps that it has. */
  readonly applied: number;
  /** Steps that it lacks, in order; empty: it is up to date. */
  readonly missing: readonly SchemaStep[];
  /** Parts of the table of items; null for a store that knows no such thing. */
  readonly partitions: number | null;
}

/**
 * Reads how far the schema of a store is, by its location. Changes nothing, not even a file that is not there.
 *
 * @throws {MilepostError} `STORE_*`: `STORE_SCHEMA` for one that is newer than this program or differs from what it was made with
 */
export async function readSchema(location: string): Promise<StoreSchema> {
  switch (kindOf(location)) {
    case "memory":
      return { applied: 0, missing: [], partitions: null };
    case "file": {
      const { readSqliteSchema } = await import("./sqlite/migrator.ts");
      const { applied, missing } = readSqliteSchema(location);
      return { applied, missing: missing.map(toStep), partitions: null };
    }
    case "postgres": {
      const { readPostgresSchema } = await import("./postgres/read-schema.ts");
      const { applied, missing, partitions } = await readPostgresSchema(location);
      return { applied, missing: missing.map(toStep), partitions };
    }
  }
}

/**
 * Brings the schema of a store up to date and returns how far it was before. Safe while others work on it, whose programs go on
 * if they know all that they use; two at once wait for each other. A schema that is made keeps its items in so many `partitions`.
 *
 * @throws {MilepostError} as `readSchema`; `CONFLICT` for a schema that has its items in another number of partitions;
 * `INVALID_ARGUMENT` for partitions of a store that knows none
 */
export async function migrateStore(
  location: string,
  options: { readonly clock: Clock; readonly partitions?: number },
): Promise<StoreSchema> {
  const { clock, partitions } = options;
  const before = await readSchema(location);
  if (partitions !== undefined) assertPartitions(before, partitions);
  if (before.missing.length === 0) return before;
  if (kindOf(location) === "postgres") {
    const { openPostgresStore } = await import("./postgres/postgres-store.ts");
    const url = new URL(location);
    if (partitions !== undefined) url.searchParams.set("partitions", String(partitions));
    await (await openPostgresStore({ url: url.href, clock })).close();
  } else {
    const { openSqliteStore } = await import("./sqlite/sqlite-store.ts");
    await (await openSqliteStore({ path: location, clock })).close();
  }
  return before;
}

function assertPartitions({ applied, partitions: found }: StoreSchema, wanted: number): void {
  if (found === null) throw new MilepostError("INVALID_ARGUMENT", "only a store on PostgreSQL has partitions");
  if (applied === 0 || found === wanted) return;
  throw new MilepostError(
    "CONFLICT",
    `the store was made with partitions=${found}, which stays; to have ${wanted}, copy it to another schema: milepost copy … "postgres://…?schema=…&partitions=${wanted}"`,
  );
}

function toStep({ number, name }: SchemaStep): SchemaStep {
  return { number, name };
}

function kindOf(location: string): "memory" | "file" | "postgres" {
  if (location === "memory:") return "memory";
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1];
  if (scheme === undefined) return "file";
  if (/^postgres(ql)?$/i.test(scheme)) return "postgres";
  throw new MilepostError("STORE_UNSUPPORTED", `stores at ${scheme}: have no schema that this program knows`);
}
