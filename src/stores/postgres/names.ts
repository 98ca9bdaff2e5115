import { createHash } from "node:crypto";

/** Puts the store's schema before each name that begins with `@`; a bare `@` is the schema itself. */
export function qualify(sql: string, schema: string): string {
  return sql.replace(/@([a-z_][a-z0-9_]*)?/g, (_, name: string | undefined) =>
    name === undefined ? `"${schema}"` : `"${schema}".${name}`,
  );
}

/** The number of an advisory lock of the store: the database's locks are shared by all that is in it. */
export function lockKeyOf(schema: string, ...what: readonly string[]): string {
  const digest = createHash("sha256").update(["milepost", schema, ...what].join("\0"));
  return digest.digest().readBigInt64BE(0).toString();
}

/**
 * Where the index of keys has a key, in SQL. An entry of an index has at most a third of a page, so of a long key it
 * has the beginning and digests.
 */
export function keyPlace(key: string): string {
  return `CASE WHEN octet_length(${key}) <= 1000 THEN ${key} ELSE left(${key}, 400) || md5(${key}) || md5(reverse(${key})) END`;
}
