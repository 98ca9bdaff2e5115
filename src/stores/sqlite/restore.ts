import { closeSync, existsSync, fsyncSync, linkSync, openSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { splitItemNumber } from "../../core/ids.ts";
import { invariant, unreachable } from "../../core/invariant.ts";
import type { Clock } from "../../ports/clock.ts";
import type { DumpedBatch, DumpedItem, DumpedRow, Restore } from "../../ports/dump.ts";
import type { Store } from "../../ports/store.ts";
import { Connection } from "./connection.ts";
import { columnNames, type SqlValue, toTuple } from "./dump-tables.ts";
import { openSqliteStore } from "./sqlite-store.ts";

export interface SqliteRestoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Whether a process of this machine lives: what those that do not have left behind is removed. */
  readonly isRunning: (pid: number) => boolean;
  readonly pid: number;
}

/**
 * Begins to make a store at a path where no file is. It is written beside it, under a name that ends in `.copying-` and the process,
 * and gets its own name when it is whole.
 *
 * @throws {MilepostError} `CONFLICT` for a file that is there; `STORE_*` where none can be written
 */
export async function openSqliteRestore(options: SqliteRestoreOptions): Promise<Restore> {
  const path = resolve(options.path);
  refuseExisting(path);
  removeLeftovers(path, options.isRunning);
  const part = `${path}.copying-${options.pid}`;
  const connection = new Connection({ path: part, clock: options.clock });
  await connection.initialize();
  return new SqliteRestore({ path, part, clock: options.clock }, connection);
}

class SqliteRestore implements Restore {
  readonly #at: { readonly path: string; readonly part: string; readonly clock: Clock };
  readonly #connection: Connection;
  readonly #queries: ReturnType<typeof prepareQueries>;
  /** Of the batch whose items come: the version of its last fresh one; null before the first. */
  #freshVersion: number | null = null;

  constructor(at: { readonly path: string; readonly part: string; readonly clock: Clock }, connection: Connection) {
    this.#at = at;
    this.#connection = connection;
    this.#queries = prepareQueries(connection);
  }

  async write(rows: readonly DumpedRow[]): Promise<void> {
    await this.#connection.write(() => {
      for (const row of rows) this.#put(row);
    });
  }

  open(): Promise<Store> {
    return openSqliteStore({ path: this.#at.part, clock: this.#at.clock });
  }

  async publish(): Promise<void> {
    const { path, part } = this.#at;
    // The last connection that closes moves the log into the file and removes it.
    this.#connection.close();
    invariant(!existsSync(`${part}-wal`), `the log of ${part} is in the file`);
    sync(part);
    try {
      linkSync(part, path);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EEXIST") refuseExisting(path);
      throw error;
    }
    rmSync(part);
    sync(dirname(path));
  }

  async discard(): Promise<void> {
    this.#connection.close();
    removeFile(this.#at.part);
  }

  #put(row: DumpedRow): void {
    switch (row.kind) {
      case "head":
        this.#queries.revision.run(row.revision);
        this.#putSequence("batches", row.nextBatch - 1);
        this.#putSequence("workers", row.nextWorker - 1);
        return;
      case "batch":
        this.#putBatch(row);
        return;
      case "item":
        this.#putItem(row);
        return;
      case "queue":
      case "work":
      case "request":
      case "attempt":
      case "removal":
        this.#queries[row.kind].run(...toTuple(row));
        return;
      default:
        unreachable(row);
    }
  }

  /** The number that was given last, so that none is given twice. */
  #putSequence(table: string, last: number): void {
    this.#queries.forget.run(table);
    this.#queries.sequence.run(table, last);
  }

  #putBatch(row: DumpedBatch): void {
    const values = toTuple(row);
    this.#freshVersion = null;
    // The last column is kept in a table of its own. Until a fresh item comes, none is left for claims to come to.
    this.#queries.batch.run(...values.slice(0, -1), row.nextOrdinal);
    if (row.learned !== null) this.#queries.learned.run(row.number, row.learned);
  }

  /**
   * What nobody has touched is fresh again (blocks.ts). The versions of fresh items rise with their numbers, and `additions` says
   * where each begins: one that does not fit in, because it was held once, stands in the indexes like any other.
   */
  #putItem(row: DumpedItem): void {
    const { batch, ordinal } = splitItemNumber(row.number);
    const isFresh = isUntouched(row) && row.version >= (this.#freshVersion ?? 0);
    this.#queries.item.run(...toTuple(row), batch, isFresh ? 1 : 0);
    if (!isFresh) return;
    if (this.#freshVersion === null) this.#queries.frontier.run(ordinal, batch);
    if (row.version !== this.#freshVersion) this.#queries.addition.run(batch, row.version, ordinal);
    this.#freshVersion = row.version;
  }
}

function isUntouched(row: DumpedItem): boolean {
  const { state, token, priority, runAt, isHeld, isSuspect, attempts, failures, crashes, saved, error, output } = row;
  if (state !== "pending" || isHeld || isSuspect) return false;
  if ([token, priority, runAt, attempts, failures, crashes].some((number) => number !== 0)) return false;
  return saved === null && error === null && output === null;
}

function prepareQueries(connection: Connection) {
  const insert = (table: string, columns: readonly string[]) =>
    connection.query<readonly SqlValue[]>(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
    );
  const batchColumns = columnNames("batch").filter((column) => column !== "learned");
  return {
    revision: connection.query("UPDATE meta SET revision = ?"),
    forget: connection.query("DELETE FROM sqlite_sequence WHERE name = ?"),
    sequence: connection.query("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"),
    queue: insert("queues", columnNames("queue")),
    work: connection.query(`INSERT INTO history (work, state, changed)
      VALUES (?, ?, (SELECT coalesce(max(changed), 0) + 1 FROM history))`),
    batch: insert("batches", [...batchColumns, "frontier"]),
    learned: connection.query("INSERT INTO statistics (batch, state) VALUES (?, ?)"),
    frontier: connection.query("UPDATE batches SET frontier = ? WHERE number = ?"),
    request: insert("requests", columnNames("request")),
    item: insert("items", [...columnNames("item"), "batch", "fresh"]),
    addition: connection.query("INSERT INTO additions (batch, version, ordinal) VALUES (?, ?, ?)"),
    attempt: insert("attempts", columnNames("attempt")),
    removal: insert("removals", columnNames("removal")),
  };
}

function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  throw new MilepostError("CONFLICT", `there is a file at ${path}; a store is copied to where nothing is`);
}

function removeLeftovers(path: string, isRunning: (pid: number) => boolean): void {
  const folder = dirname(path);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pid = name.startsWith(`${basename(path)}.copying-`) ? /\.copying-(\d+)$/.exec(name)?.[1] : undefined;
    if (pid !== undefined && !isRunning(Number(pid))) removeFile(join(folder, name));
  }
}

function removeFile(path: string): void {
  for (const end of ["-wal", "-shm", ""]) rmSync(`${path}${end}`, { force: true });
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
