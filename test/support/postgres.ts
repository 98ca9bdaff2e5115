import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { isRunning } from "../../src/platform/system-host.ts";
import { loadEmbeddedPostgres } from "./embedded-postgres.ts";
import { freePort } from "./free-port.ts";

/** A PostgreSQL for tests: one of their own, or the one at DATABASE_URL. */
export interface Cluster {
  readonly url: string;
  /** A URL with a schema that no other test has. */
  newStore(): { readonly url: string; readonly schema: string };
  /** The same with one that is made already, with these parameters of its URL, and empty, if there is one. */
  usedStore(parameters: string): { readonly url: string; readonly schema: string };
  /** Empties a store that nobody has open for a later `usedStore`: quicker than to make another. */
  recycle(schema: string, parameters: string): Promise<void>;
  /** Runs SQL behind the store's back, and returns the rows. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Deletes a store's schema with all that is in it. */
  drop(schema: string): Promise<void>;
  /** Ends the server at once, without a checkpoint, and starts it again: it recovers from its log. Not the one at DATABASE_URL. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Settings of the server, as `-c name=value`. A cluster with some is never the one at DATABASE_URL. */
  readonly settings?: Readonly<Record<string, string>>;
}

const SMALL_TABLES = [
  "queues",
  "batches",
  "requests",
  "frontiers",
  "blocks",
  "removals",
  "statistics",
  "history",
  "workers",
] as const;
const SEQUENCES = ["batches_number_seq", "history_changed_seq", "workers_number_seq"] as const;

const USER = "milepost";
const PASSWORD = "not-a-secret";

/** Before the number of the process that made the folder. */
const FOLDER = "milepost-postgres-";

/**
 * Starts a cluster in a temporary folder, which `stop` deletes; so does the end of the process, in whatever way it can be noticed,
 * and where it cannot, the next process that starts one.
 */
export async function startCluster({ settings = {} }: ClusterOptions = {}): Promise<Cluster> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL !== undefined && Object.keys(settings).length === 0) {
    const notOurs = (): never => {
      throw new Error("the server at DATABASE_URL is not ours to crash");
    };
    return clusterAt(DATABASE_URL, { stop: async () => {}, crash: notOurs });
  }
  removeLeftovers();
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  // PostgreSQL refuses to run as root; its own user must be able to enter.
  chmodSync(folder, 0o711);
  const port = await freePort();
  const all = { fsync: "off", shared_buffers: "64MB", max_connections: "60", unix_socket_directories: "", ...settings };
  const errors: string[] = [];
  const EmbeddedPostgres = await loadEmbeddedPostgres(folder);
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    user: USER,
    password: PASSWORD,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--encoding=UTF8", "--locale=C", "--no-sync"],
    postgresFlags: Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    onLog: (line) => void errors.push(String(line)),
    onError: (error) => void errors.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    remove();
    throw new Error(`PostgreSQL did not start: ${errors.join("")}`, { cause: error });
  }
  return clusterAt(`postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/postgres`, {
    async stop() {
      await server.stop();
      remove();
      process.removeListener("exit", remove);
    },
    async crash() {
      await quit(join(folder, "data"));
      await server.start();
    },
  });
}

/** What `pg_ctl stop -m immediate` does. */
async function quit(data: string): Promise<void> {
  const file = join(data, "postmaster.pid");
  const pid = Number(readFileSync(file, "utf8").split("\n", 1)[0]);
  process.kill(pid, "SIGQUIT");
  while (isAlive(pid)) await setTimeout(10);
  // It leaves the file behind, and another process may get its number.
  rmSync(file, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function clusterAt(url: string, { stop, crash }: Pick<Cluster, "stop" | "crash">): Cluster {
  const pool = new pg.Pool({ connectionString: url, max: 2, allowExitOnIdle: true });
  pool.on("error", () => {});
  let schemas = 0;
  const used = new Map<string, string[]>();
  const storeIn = (schema: string): { readonly url: string; readonly schema: string } => {
    const own = new URL(url);
    own.searchParams.set("schema", schema);
    return { url: own.href, schema };
  };
  const cluster: Cluster = {
    url,
    newStore() {
      schemas += 1;
      return storeIn(`test_${process.pid}_${Date.now().toString(36)}_${schemas}`);
    },
    usedStore(parameters) {
      const schema = used.get(parameters)?.pop();
      return schema === undefined ? cluster.newStore() : storeIn(schema);
    },
    async recycle(schema, parameters) {
      const named = (name: string): string => `"${schema}".${name}`;
      const emptied = SMALL_TABLES.map((table) => `DELETE FROM ${named(table)}`);
      const numbers = SEQUENCES.map((sequence) => `SELECT setval('${named(sequence)}', 1, false)`);
      await pool.query(
        [
          `TRUNCATE ${named("items")}, ${named("attempts")}`,
          `UPDATE ${named("meta")} SET revision = 0`,
          ...emptied,
          ...numbers,
        ].join(";"),
      );
      used.set(parameters, [...(used.get(parameters) ?? []), schema]);
    },
    async sql(text, values = []) {
      return (await pool.query(text, [...values])).rows;
    },
    async drop(schema) {
      await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    },
    crash,
    async stop() {
      await pool.end();
      await stop();
    },
  };
  return cluster;
}

/** A server whose folder is gone ends by itself. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? /^(\d+)-/.exec(name.slice(FOLDER.length))?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
