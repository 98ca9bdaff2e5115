import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";

/** Where a store lies and how it is reached, as its URL says. */
export interface Location {
  /** For `pg`: without what is ours. It holds the password. */
  readonly url: string;
  /** For people: without the password. */
  readonly shown: string;
  readonly schema: string;
  /** Calls that one process has carried out at once at most, but for orders. */
  readonly connections: number;
  /**
   * Whether the server keeps our statements parsed, by name. To be switched off behind a PgBouncer older than 1.21 in
   * transaction mode, which mixes such names up.
   */
  readonly isPrepared: boolean;
  /** Parts of the table of items, by a hash of their batch; 0: one table. Counts when the schema is made, and is kept. */
  readonly partitions: number;
}

const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/;
const CONNECTIONS_DEFAULT = 6;
const CONNECTIONS_MAX = 100;

/**
 * Reads `postgres://user:password@host:port/database?schema=…&connections=…&prepare=off&partitions=…`. All other parameters are `pg`'s own
 * (`sslmode` …).
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, without the password in its message
 */
export function readLocation(text: string): Location {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new MilepostError("INVALID_ARGUMENT", "a store on PostgreSQL is postgres://user:password@host:port/database");
  }
  const schema = take(url, "schema") ?? "milepost";
  if (!SCHEMA.test(schema) || schema.startsWith("pg_")) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `schema must be lower-case letters, digits and _, at most 63, and must not begin with pg_; found ${JSON.stringify(schema)}`,
    );
  }
  const connections = takeCount(url, "connections", { least: 1, most: CONNECTIONS_MAX }) ?? CONNECTIONS_DEFAULT;
  const partitions = takeCount(url, "partitions", { least: 0, most: LIMITS.partitions }) ?? 0;
  const prepare = take(url, "prepare") ?? "on";
  if (prepare !== "on" && prepare !== "off") {
    throw new MilepostError("INVALID_ARGUMENT", `prepare must be on or off; found ${JSON.stringify(prepare)}`);
  }
  return { url: url.href, shown: withoutPassword(text), schema, connections, isPrepared: prepare === "on", partitions };
}

/** A store's location as it may be shown and kept: of a URL without the password, and without parameters that may hold one. */
export function withoutPassword(location: string): string {
  if (!URL.canParse(location) || !/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) return location;
  const url = new URL(location);
  const schema = url.searchParams.get("schema");
  url.password = "";
  url.search = schema === null ? "" : `?schema=${schema}`;
  return url.href;
}

function takeCount(url: URL, name: string, { least, most }: { least: number; most: number }): number | null {
  const text = take(url, name);
  if (text === null) return null;
  const count = Number(text);
  if (text !== "" && Number.isInteger(count) && count >= least && count <= most) return count;
  throw new MilepostError(
    "INVALID_ARGUMENT",
    `${name} must be a whole number from ${least} to ${most}; found ${JSON.stringify(text)}`,
  );
}

function take(url: URL, name: string): string | null {
  const value = url.searchParams.get(name);
  url.searchParams.delete(name);
  return value;
}
