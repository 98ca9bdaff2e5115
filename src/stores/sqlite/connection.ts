import { accessSync, constants, existsSync, mkdirSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type DatabaseSyncOptions, type SQLInputValue, type StatementSync } from "node:sqlite";
import { MilepostError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import { LogSync, type SyncFile } from "./log-sync.ts";
import { inspectSchema, MIGRATIONS, migrate } from "./migrator.ts";
import { refuseNetworkFileSystem } from "./network-file-systems.ts";
import { isBusy, resultCodeOf, toOpenError, toStoreError } from "./sqlite-errors.ts";

export interface ConnectionOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Spreads the waits of processes that meet at the write lock; without it they are not spread. */
  readonly random?: Random;
  /** How much memory pages are kept in, in MiB. Default 4. */
  readonly cacheMiB?: number;
  /** How long to wait for the write lock in all before `STORE_UNAVAILABLE`. Default 15,500. */
  readonly busyRetryMs?: number;
  /** Opens the database; for tests that watch or break statements. Default: as `node:sqlite` does. */
  readonly openDatabase?: (path: string, options: DatabaseSyncOptions) => DatabaseSync;
  /** For tests that cut the power. Default: the system's `fdatasync`. */
  readonly syncFile?: SyncFile;
}

/** Short, because SQLite waits on the event loop; what is longer is waited for asynchronously. */
const BUSY_TIMEOUT_MS = 50;
/** As long as five waits take that begin with half a second and double. */
const BUSY_RETRY_MS = 15_500;
/** Enough for the rows at work: on a million items 64 was slower, and its memory is the process's. */
const CACHE_MIB = 4;
const FILE_CHECK_MS = 1_000;
const SQLITE_MIN = [3, 51, 3] as const;

/** A prepared statement whose rows come back as tuples, in the order of its columns. */
export interface Query<Row extends readonly unknown[] = readonly unknown[]> {
  get(...values: readonly SQLInputValue[]): Row | undefined;
  all(...values: readonly SQLInputValue[]): readonly Row[];
  /** Runs it and returns how many rows it changed. */
  run(...values: readonly SQLInputValue[]): number;
}

/**
 * One connection to the file: opening, transactions, waiting for other writers, errors in the store's terms.
 * Everything inside a transaction is synchronous, so transactions of one process never interleave.
 */
export class Connection {
  readonly path: string;
  readonly clock: Clock;
  readonly db: DatabaseSync;
  /** Called after each commit that changed something. */
  onCommit: (mayHaveEnded: boolean) => void = () => {};
  readonly #random: Random | undefined;
  readonly #busyRetryMs: number;
  readonly #cacheMiB: number;
  readonly #log: LogSync;
  #file: Pick<Stats, "ino" | "dev"> | null = null;
  #fileCheckedAt = Number.NEGATIVE_INFINITY;
  #loss: string | null = null;
  #isOpen = true;
  #changesTold: unknown = 0;

  constructor(options: ConnectionOptions) {
    this.path = resolve(options.path);
    this.clock = options.clock;
    this.#random = options.random;
    this.#busyRetryMs = options.busyRetryMs ?? BUSY_RETRY_MS;
    this.#cacheMiB = options.cacheMiB ?? CACHE_MIB;
    this.#log = new LogSync(this.path, options.syncFile);
    refuseOldSqlite();
    const folder = dirname(this.path);
    try {
      makeFolder(folder);
    } catch (error) {
      throw new MilepostError("STORE_UNAVAILABLE", `store ${this.path}: its folder could not be created`, {
        cause: error,
      });
    }
    try {
      refuseNetworkFileSystem(folder);
      // Before it is opened: one that is swapped from now on is noticed.
      this.#file = statSync(this.path, { throwIfNoEntry: false }) ?? null;
      const openDatabase = options.openDatabase ?? ((path, given) => new DatabaseSync(path, given));
      this.db = openDatabase(this.path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
    } catch (error) {
      throw toOpenError(error, this.path);
    }
  }

  /** Checks the file, sets it up and brings its schema up to date. */
  async initialize(): Promise<void> {
    try {
      await this.#retry(() => this.#initializeNow());
    } catch (error) {
      this.close();
      throw toOpenError(error, this.path);
    }
  }

  #initializeNow(): void {
    // Looked at first: a file that is refused must stay as it is, its journal mode included.
    const applied = inspectSchema(this.db, this.path);
    // Without this a file that may not be written would be noticed by the first write only.
    accessSync(this.path, constants.W_OK);
    // Nothing here need outlive a power cut by itself: the first durable commit takes all earlier ones along.
    this.db.exec(`PRAGMA synchronous = NORMAL; PRAGMA journal_mode = WAL; PRAGMA cache_size = -${this.#cacheMiB * 1_024};
      PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864; PRAGMA wal_autocheckpoint = 4000;`);
    if (applied < MIGRATIONS.length)
      this.#transact("BEGIN IMMEDIATE", () => migrate(this.db, { path: this.path, now: this.clock.now() }));
    this.#file ??= statSync(this.path);
  }

  /** Prepares a statement. Call it once and keep it. A file whose tables are not the store's is `STORE_CORRUPT`. */
  query<Row extends readonly unknown[] = readonly unknown[]>(sql: string): Query<Row> {
    const statement = this.#prepare(withPlainLimits(sql));
    statement.setReturnArrays(true);
    return {
      get: statement.get.bind(statement) as unknown as Query<Row>["get"],
      all: statement.all.bind(statement) as unknown as Query<Row>["all"],
      run: (...values) => Number(statement.run(...values).changes),
    };
  }

  /**
   * Runs `work` in one writing transaction; if it throws, nothing was changed. `work` may run more than once.
   * `isDurable`: it resolves when the commit, and with it every earlier one, survives a power cut; others see it before. `hasEnded`: asked after `work` whether a batch
   * may have ended or gone; default: yes.
   */
  async write<T>(
    work: () => T,
    options: { readonly isDurable?: boolean; readonly hasEnded?: () => boolean } = {},
  ): Promise<T> {
    const { isDurable = false, hasEnded = () => true } = options;
    const result = await this.#retry(() => {
      try {
        return this.#transact("BEGIN IMMEDIATE", work);
      } finally {
        this.#tellIfChanged(hasEnded);
      }
    });
    if (isDurable) await this.#log.synced();
    return result;
  }

  /** Runs `work` on one snapshot of the file. */
  async read<T>(work: () => T): Promise<T> {
    return this.#retry(() => this.#transact("BEGIN", work));
  }

  /** Runs one statement that only reads: a snapshot by itself. */
  async readOne<T>(work: () => T): Promise<T> {
    return this.#retry(work);
  }

  close(): void {
    this.#isOpen = false;
    this.#log.close();
    if (this.db.isOpen) this.db.close();
  }

  #prepare(sql: string): StatementSync {
    try {
      return this.db.prepare(sql);
    } catch (error) {
      throw toOpenError(error, this.path);
    }
  }

  #statements: Map<string, StatementSync> = new Map();

  #run(sql: string): void {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    statement.run();
  }

  /** The rows that this connection has changed in its life tell whether a transaction changed any. */
  #tellIfChanged(hasEnded: () => boolean): void {
    const changes = this.#changes();
    if (changes === this.#changesTold) return;
    this.#changesTold = changes;
    this.onCommit(hasEnded());
  }

  #changes(): unknown {
    let statement = this.#statements.get("SELECT total_changes()");
    if (statement === undefined) {
      statement = this.db.prepare("SELECT total_changes()");
      statement.setReturnArrays(true);
      this.#statements.set("SELECT total_changes()", statement);
    }
    return (statement.get() as unknown as readonly unknown[])[0];
  }

  #transact<T>(begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
    this.#run(begin);
    try {
      const result = work();
      this.#run("COMMIT");
      return result;
    } catch (error) {
      // A full disk has rolled back already; a second ROLLBACK would hide why.
      if (this.db.isTransaction) this.#run("ROLLBACK");
      throw error;
    }
  }

  async #retry<T>(work: () => T): Promise<T> {
    let waitedMs = 0;
    for (let round = 0; ; round++) {
      if (!this.#isOpen) throw new MilepostError("CLOSED", `store ${this.path} is closed`);
      this.#assertFile();
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || waitedMs >= this.#busyRetryMs) {
          if (resultCodeOf(error) !== null) this.#assertFileNow();
          throw toStoreError(error, this.path);
        }
      }
      const fullMs = Math.min(5 * 2 ** round, 1_000);
      const waitMs = fullMs / 2 + (fullMs / 2) * (this.#random?.fraction() ?? 1);
      waitedMs += waitMs + BUSY_TIMEOUT_MS;
      await new Promise<void>((done) => {
        this.clock.after(waitMs, done);
      });
    }
  }

  /** The file that was opened, as the system numbers it; null before it was made. */
  get file(): Pick<Stats, "ino" | "dev"> | null {
    return this.#file;
  }

  /**
   * What became of the file while it was open, null if it is there; looked at once a second. Writes to a deleted file
   * "succeed" and are lost with the process, so the path is compared with what was opened.
   */
  get loss(): string | null {
    const now = this.clock.monotonic();
    if (this.#file === null || now - this.#fileCheckedAt < FILE_CHECK_MS) return this.#loss;
    this.#fileCheckedAt = now;
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found === undefined) this.#loss = "was deleted";
    else if (found.ino !== this.#file.ino || found.dev !== this.#file.dev) this.#loss = "was replaced by another file";
    else this.#loss = null;
    return this.#loss;
  }

  /** A file that is gone looks like a broken disk to SQLite. */
  #assertFileNow(): void {
    this.#fileCheckedAt = Number.NEGATIVE_INFINITY;
    this.#assertFile();
  }

  #assertFile(): void {
    const { loss } = this;
    if (loss === null) return;
    throw new MilepostError(
      "STORE_GONE",
      `store ${this.path} ${loss} while it was open: nothing more is written. Put it back and start again.`,
    );
  }
}

/** @throws {MilepostError} `STORE_UNSUPPORTED` for an SQLite older than 3.51.3, whose WAL file could be damaged by a race. */
export function refuseOldSqlite(found = process.versions.sqlite ?? "0"): void {
  const parts = found.split(".").map(Number);
  for (const [index, least] of SQLITE_MIN.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least) {
      throw new MilepostError(
        "STORE_UNSUPPORTED",
        `SQLite must be ${SQLITE_MIN.join(".")} or newer (older ones can damage a WAL file); found ${found}. Update Node.`,
      );
    }
  }
}

/**
 * SQLite takes the value of a parameter that stands alone after LIMIT into its plan, and prepares the statement anew each time
 * another is bound: some 12 µs, where the statement itself takes one. In a sum it does not.
 */
function withPlainLimits(sql: string): string {
  return sql.replace(/LIMIT (\?\d*)/g, "LIMIT $1 + 0");
}

/** Makes a folder and those above it. Node's own recursive way never returns where nothing can be made, as below `/proc`. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
}
