import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";

/** What a server has done since it started. */
export interface ServerLoad {
  /** Milliseconds of processor time of all its processes; NaN where it does not run on this machine, or this is not Linux. */
  readonly cpuMs: number;
  readonly transactions: number;
  readonly walBytes: number;
}

/** Linux counts processor time in hundredths of a second, whatever the machine. */
const TICK_MS = 10;

/** Reads it, by a connection that is closed again. */
export async function readLoad(location: string): Promise<ServerLoad> {
  const client = new pg.Client({ connectionString: location });
  await client.connect();
  try {
    // Counts of other sessions come late, at most a second; those that ended have told theirs.
    const { rows } = await client.query(`SELECT pg_backend_pid() AS pid, xact_commit::float8 AS transactions,
      (pg_current_wal_lsn() - '0/0')::float8 AS wal FROM pg_stat_database WHERE datname = current_database()`);
    const { pid, transactions, wal } = rows[0];
    return { cpuMs: cpuMsOf(Number(pid)), transactions, walBytes: wal };
  } finally {
    await client.end();
  }
}

/** Bytes on disk of a schema's tables and indexes. */
export async function bytesOf(location: string, schema: string): Promise<number> {
  const client = new pg.Client({ connectionString: location });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT sum(pg_total_relation_size(c.oid))::float8 AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
      [schema],
    );
    return Number(rows[0].bytes);
  } finally {
    await client.end();
  }
}

/** Of the server that a backend belongs to: its first process, which has what ended ones took, and all that it started. */
function cpuMsOf(backend: number): number {
  try {
    const first = statOf(backend).parent;
    const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const own = all.flatMap((name) => {
      try {
        const stat = statOf(Number(name));
        return stat.parent === first ? [stat.ticks] : [];
      } catch {
        return [];
      }
    });
    const { ticks, endedTicks } = statOf(first);
    return (own.reduce((sum, more) => sum + more, 0) + ticks + endedTicks) * TICK_MS;
  } catch {
    return Number.NaN;
  }
}

function statOf(pid: number): { readonly parent: number; readonly ticks: number; readonly endedTicks: number } {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The program's name, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const at = (index: number): number => Number(fields[index]);
  return { parent: at(1), ticks: at(11) + at(12), endedTicks: at(13) + at(14) };
}
