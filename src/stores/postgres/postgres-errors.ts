import { type ErrorCode, MilepostError } from "../../core/errors.ts";

const TRY_AGAIN = "Try again; it may have taken effect all the same.";

/** What a class of SQLSTATEs, or one of them, means for the store's callers. The longest beginning that fits counts. */
const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "08": ["STORE_UNAVAILABLE", TRY_AGAIN],
  // A standby, or a server that went read-only, may be promoted or set free.
  "25006": ["STORE_UNAVAILABLE", "It takes no writes now: is it a standby? Name the primary, or wait for it."],
  "25P03": ["STORE_UNAVAILABLE", TRY_AGAIN],
  "28": ["STORE_UNSUPPORTED", "Check user, password and pg_hba.conf."],
  "3D000": ["STORE_UNSUPPORTED", "Name a database that exists; Milepost makes schemas, not databases."],
  "3F000": ["STORE_GONE", "Its schema is not there any more."],
  "40": ["STORE_UNAVAILABLE", TRY_AGAIN],
  "42501": [
    "STORE_READ_ONLY",
    "The role may not do this: grant it CREATE on the database, or the schema and its tables.",
  ],
  "42P01": ["STORE_GONE", "Its tables are not there any more."],
  "53": ["STORE_UNAVAILABLE", TRY_AGAIN],
  "53100": ["STORE_FULL", "Free some space on the server's disk."],
  "55P03": ["STORE_UNAVAILABLE", TRY_AGAIN],
  "57": ["STORE_UNAVAILABLE", TRY_AGAIN],
  "58": ["STORE_UNAVAILABLE", "The server's disk reported an error; check it and try again."],
  XX001: ["STORE_CORRUPT", "The server found damaged data; restore a backup."],
  XX002: ["STORE_CORRUPT", "The server found a damaged index; REINDEX it or restore a backup."],
};

/** Deadlock, serialization failure: the same transaction, made again at once, most likely succeeds. */
const AGAIN = new Set(["40001", "40P01"]);

/** The SQLSTATE behind an error, or null. */
function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  return /^[0-9A-Z]{5}$/.test(error.code) && "severity" in error ? error.code : null;
}

/** True where the transaction was rolled back for others' sake, and may be made again at once. */
export function isCollision(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && AGAIN.has(state);
}

/** True where the connection is lost or its state unknown. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof MilepostError) return false;
  const state = sqlStateOf(error);
  if (state !== null) return state.startsWith("08") || state.startsWith("57P") || state === "25P03";
  if ("code" in error && typeof error.code === "string" && /^(E[A-Z]+|ERR_SSL.*|ERR_TLS.*)$/.test(error.code))
    return true;
  return CONNECTION_MESSAGE.test(error.message);
}

/** True where the connection broke, as those do that waited in a pool while the server restarted; a silent one is not known to have. */
export function isBroken(error: unknown): boolean {
  return isConnectionError(error) && !(error instanceof Error && /timeout/i.test(error.message));
}

/** Errors of `pg`'s own, which have no code. */
const CONNECTION_MESSAGE =
  /connection terminated|connection error|timeout exceeded when trying to connect|query read timeout|client was closed|connection timeout|server does not support ssl|calling end on the pool/i;

/** Names what went wrong in the terms of the store's callers. Anything that neither PostgreSQL nor the network reported passes unchanged. */
export function toStoreError(error: unknown, shown: string): unknown {
  if (!(error instanceof Error) || error instanceof MilepostError) return error;
  const state = sqlStateOf(error);
  const meaning = state === null ? undefined : (MEANINGS[state] ?? MEANINGS[state.slice(0, 2)]);
  const found = meaning ?? (isConnectionError(error) ? (["STORE_UNAVAILABLE", TRY_AGAIN] as const) : null);
  if (found === null) return error;
  const [code, advice] = found;
  return new MilepostError(code, `store ${shown}: ${error.message || "no connection"}. ${advice}`, {
    details: state === null ? {} : { sqlState: state },
    cause: error,
  });
}
