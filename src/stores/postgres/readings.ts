import { fine, judged, type Reading } from "../../ports/reading.ts";

/** Runs one statement and gives its rows, each by the names of its columns. `pg`'s `query` of a client or pool fits, by its `rows`. */
export type RowsOf = (
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface DiagnoseOptions {
  /** Where the store's tables are. */
  readonly schema: string;
  /** The host's wall clock, in milliseconds. */
  readonly now: () => number;
  /** Whether a NOTIFY to itself arrived at the store's listening connection; null where nobody tried. */
  readonly isListening: boolean | null;
}

const VERSION_MIN = 140_000;
const CLOCK_OFF_MS = 1_000;
const TRANSACTION_LONG_S = 300;
const QUERY_LONG_S = 30;
/** So many dead rows, and so great a share of all, show that autovacuum does not keep up. */
const DEAD_ROWS = 50_000;
const DEAD_SHARE = 0.3;
const CONNECTIONS_SHARE = 0.8;
/** Half of the way to where PostgreSQL stops to take writes. */
const WRAPAROUND_AGE = 1_000_000_000;

/**
 * Reads what an operator must know of a PostgreSQL server and of the store's tables on it. Changes nothing. What the role may
 * not see (transactions of others, without `pg_read_all_stats`) is left out silently by PostgreSQL itself.
 */
export async function diagnosePostgres(rowsOf: RowsOf, options: DiagnoseOptions): Promise<readonly Reading[]> {
  return [
    ...(await readServer(rowsOf)),
    ...(await readSettings(rowsOf)),
    await readClock(rowsOf, options.now),
    readListening(options.isListening),
    ...(await readActivity(rowsOf)),
    ...(await readTables(rowsOf, options.schema)),
  ];
}

async function readServer(rowsOf: RowsOf): Promise<readonly Reading[]> {
  const [row = {}] = await rowsOf(`SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS number, pg_is_in_recovery() AS is_standby,
    (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS age`);
  return [
    judged("postgresql", text(row.version), {
      isOff: number(row.number) < VERSION_MIN,
      verdict: "problem",
      advice: "PostgreSQL must be 14 or newer; update the server",
    }),
    judged("role", row.is_standby === true ? "standby" : "primary", {
      isOff: row.is_standby === true,
      verdict: "problem",
      advice: "a standby takes no writes; name the primary",
    }),
    judged("transaction age", number(row.age), {
      isOff: number(row.age) > WRAPAROUND_AGE,
      verdict: "problem",
      advice:
        "old transaction numbers were not frozen, and in the end PostgreSQL refuses writes: find what holds back vacuum (long transactions, slots, prepared transactions)",
    }),
  ];
}

interface Expected {
  readonly name: string;
  readonly isOff: (setting: string) => boolean;
  readonly verdict: "warning" | "problem";
  readonly advice: string;
}

const SETTINGS: readonly Expected[] = [
  {
    name: "fsync",
    isOff: (setting) => setting !== "on",
    verdict: "problem",
    advice: "a crash of the machine can destroy the database: set fsync = on",
  },
  {
    name: "full_page_writes",
    isOff: (setting) => setting !== "on",
    verdict: "problem",
    advice: "a power cut can leave torn pages: set full_page_writes = on, unless the file system forbids them",
  },
  {
    name: "autovacuum",
    isOff: (setting) => setting !== "on",
    verdict: "problem",
    advice: "dead rows are never removed and claims get slower and slower: set autovacuum = on",
  },
  {
    name: "default_transaction_read_only",
    isOff: (setting) => setting !== "off",
    verdict: "problem",
    advice: "the store can write nothing: set default_transaction_read_only = off for this role and database",
  },
  {
    name: "idle_in_transaction_session_timeout",
    isOff: (setting) => setting === "0",
    verdict: "warning",
    advice:
      "a program that forgets a transaction holds back vacuum for all: set idle_in_transaction_session_timeout = '1min' for the database",
  },
  {
    name: "shared_buffers",
    isOff: (setting) => Number(setting) < 16_384,
    verdict: "warning",
    advice: "less than 128 MB: a quarter of the machine's memory is usual",
  },
];

async function readSettings(rowsOf: RowsOf): Promise<readonly Reading[]> {
  const rows = await rowsOf("SELECT name, setting, unit FROM pg_settings WHERE name = ANY ($1::text[])", [
    SETTINGS.map(({ name }) => name),
  ]);
  const found = new Map(rows.map((row) => [text(row.name), row]));
  return SETTINGS.flatMap(({ name, isOff, verdict, advice }) => {
    const row = found.get(name);
    if (row === undefined) return [];
    const setting = text(row.setting);
    const value = row.unit === null ? setting : `${setting} × ${text(row.unit)}`;
    return [judged(name, value, { isOff: isOff(setting), verdict, advice })];
  });
}

/** Leases go by the database's clock alone; what people see and schedules go by the hosts'. */
async function readClock(rowsOf: RowsOf, now: () => number): Promise<Reading> {
  const before = now();
  const [row = {}] = await rowsOf("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms");
  const after = now();
  // It was read somewhere in between: the difference is known up to half of the way there and back.
  const differenceMs = Math.round(number(row.ms) - (before + after) / 2);
  const errorMs = Math.ceil((after - before) / 2);
  return judged("clock", `${differenceMs} ms ahead of this host, ± ${errorMs} ms`, {
    isOff: Math.abs(differenceMs) - errorMs > CLOCK_OFF_MS,
    verdict: "warning",
    advice: "scheduled starts, back-offs and shown times are off by so much: let NTP set the clocks of both",
  });
}

function readListening(isListening: boolean | null): Reading {
  if (isListening === null) return fine("listen", "not tried");
  return judged("listen", isListening ? "works" : "does not work", {
    isOff: !isListening,
    verdict: "warning",
    advice:
      "a pooler in transaction mode swallows NOTIFY, and news wait for the next poll: name the server itself for faster news",
  });
}

async function readActivity(rowsOf: RowsOf): Promise<readonly Reading[]> {
  const [row = {}] = await rowsOf(`SELECT
      count(*) FILTER (WHERE backend_type = 'client backend')::int AS connections,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
      coalesce(max(extract(epoch FROM clock_timestamp() - xact_start))
        FILTER (WHERE datname = current_database() AND pid <> pg_backend_pid()), 0)::float8 AS transaction,
      coalesce(max(extract(epoch FROM clock_timestamp() - query_start))
        FILTER (WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'), 0)::float8 AS query,
      (count(*) FILTER (WHERE datname = current_database() AND wait_event_type = 'Lock'))::int AS waiting,
      (SELECT count(*)::int FROM pg_prepared_xacts WHERE database = current_database()) AS prepared
    FROM pg_stat_activity`);
  return [
    judged("connections", `${number(row.connections)} of ${number(row.most)}`, {
      isOff: number(row.connections) > CONNECTIONS_SHARE * number(row.most),
      verdict: "warning",
      advice: "few are left, and whoever comes last is refused: raise max_connections or put a pooler in front",
    }),
    judged("longest transaction", seconds(row.transaction), {
      isOff: number(row.transaction) > TRANSACTION_LONG_S,
      verdict: "warning",
      advice: "while it is open no dead row is removed and claims get slower: find it in pg_stat_activity and end it",
    }),
    judged("longest query", seconds(row.query), {
      isOff: number(row.query) > QUERY_LONG_S,
      verdict: "warning",
      advice: "no statement of the store takes so long on a sound server: look for it in pg_stat_activity",
    }),
    judged("waiting for locks", number(row.waiting), {
      isOff: number(row.waiting) > 10,
      verdict: "warning",
      advice: "many wait for one: see pg_blocking_pids(pid) in pg_stat_activity for whom",
    }),
    judged("prepared transactions", number(row.prepared), {
      isOff: number(row.prepared) > 0,
      verdict: "warning",
      advice: "Milepost makes none; a forgotten one holds back vacuum for ever: ROLLBACK PREPARED what nobody owns",
    }),
  ];
}

async function readTables(rowsOf: RowsOf, schema: string): Promise<readonly Reading[]> {
  const rows = await rowsOf(
    `SELECT relname AS name, n_live_tup::float8 AS live, n_dead_tup::float8 AS dead,
      pg_total_relation_size(relid)::float8 AS bytes
    FROM pg_stat_user_tables WHERE schemaname = $1 ORDER BY n_dead_tup DESC`,
    [schema],
  );
  const bytes = rows.reduce((sum, row) => sum + number(row.bytes), 0);
  const off = rows.filter(({ live, dead }) => number(dead) > DEAD_ROWS && number(dead) > DEAD_SHARE * number(live));
  const worst = rows[0];
  const value = worst === undefined ? "no tables" : `${number(worst.dead)} at most, in ${text(worst.name)}`;
  return [
    fine("size", `${(bytes / 1_048_576).toFixed(1)} MiB in schema ${schema}`),
    judged("dead rows", value, {
      isOff: off.length > 0,
      verdict: "warning",
      advice: `autovacuum does not keep up in ${off.map(({ name }) => text(name)).join(", ")}: end long transactions, then VACUUM; raise autovacuum_vacuum_cost_limit`,
    }),
  ];
}

function seconds(value: unknown): string {
  return `${Math.round(number(value) * 10) / 10} s`;
}

function number(value: unknown): number {
  return typeof value === "number" ? value : Number(value ?? 0);
}

function text(value: unknown): string {
  return String(value ?? "");
}
