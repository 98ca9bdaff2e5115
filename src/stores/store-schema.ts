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
}

/**
 * Reads how far the schema of a store is, by its location. Changes nothing, not even a file that is not there.
 *
 * @throws {MilepostError} `STORE_*`: `STORE_SCHEMA` for one that is newer than this program or differs from what it was made with
 */
export async function readSchema(location: string): Promise<StoreSchema> {
  switch (kindOf(location)) {
    case "memory":
      return { applied: 0, missing: [] };
    case "file": {
      const { readSqliteSchema } = await import("./sqlite/migrator.ts");
      const { applied, missing } = readSqliteSchema(location);
      return { applied, missing: missing.map(({ number, name }) => ({ number, name })) };
    }
  }
}

/**
 * Brings the schema of a store up to date and returns how far it was before. Safe while others work on it, whose programs go on
 * if they know all that they use; two at once wait for each other.
 *
 * @throws {MilepostError} as `readSchema`
 */
export async function migrateStore(location: string, options: { readonly clock: Clock }): Promise<StoreSchema> {
  const before = await readSchema(location);
  if (before.missing.length > 0) {
    const { openSqliteStore } = await import("./sqlite/sqlite-store.ts");
    await (await openSqliteStore({ path: location, clock: options.clock })).close();
  }
  return before;
}

function kindOf(location: string): "memory" | "file" {
  if (location === "memory:") return "memory";
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(location)?.[1];
  if (scheme === undefined) return "file";
  throw new MilepostError("STORE_UNSUPPORTED", `stores at ${scheme}: have no schema that this program knows`);
}
