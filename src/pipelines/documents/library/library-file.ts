import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { MilepostError } from "../../../core/errors.ts";
import type { Embedder } from "../embed/embedder.ts";
import { toLibraryError } from "./library-errors.ts";
import { LIBRARY_ID, LIBRARY_VERSION, librarySchema } from "./library-schema.ts";

/** How long a writer waits for another one, in milliseconds: the other may be storing a document of thousands of pages. */
const BUSY_MS = 60_000;
const TURN_TRIES = 100;
const TURN_WAIT_MS = 20;

/** One connection to an index of documents: an SQLite file with sqlite-vec. */
export class LibraryFile {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  /**
   * Opens an index; makes it where `create` is set and there is none.
   *
   * @throws {MilepostError} `MISSING_DEPENDENCY`; `NOT_FOUND` without `create`; `STORE_UNSUPPORTED` for any other file; `STORE_SCHEMA`
   * for an index of another version; `CONFLICT` for one that was made with another embedder; `STORE_…` for trouble with the file
   */
  static async open(
    path: string,
    options: { readonly embedder: Embedder; readonly create?: boolean },
  ): Promise<LibraryFile> {
    const { embedder, create = false } = options;
    if (!create && !existsSync(path)) throw missing(path);
    const loadVectors = await loadSqliteVec();
    let db: DatabaseSync | null = null;
    try {
      if (create) mkdirSync(dirname(path), { recursive: true });
      db = new DatabaseSync(path, { allowExtension: true, timeout: BUSY_MS });
      const tables = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n);
      // One that is just being made has nothing in it yet.
      if (tables === 0 && !create) throw missing(path);
      if (tables > 0) assertLibrary(db, path);
      loadVectors(db);
      takeTurns(db);
      db.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;");
      if (tables === 0) createTables(db, embedder);
      assertLibrary(db, path);
      assertEmbedder(db, path, embedder);
      return new LibraryFile(path, db);
    } catch (error) {
      db?.close();
      throw toLibraryError(error, path);
    }
  }

  /** A prepared statement, made once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Runs `work` in one writing transaction; if it throws, nothing was changed. */
  write<T>(work: () => T): T {
    return this.#transact("BEGIN IMMEDIATE", work);
  }

  /** Runs `work` on one state of the file, whatever is stored meanwhile. */
  read<T>(work: () => T): T {
    return this.#transact("BEGIN", work);
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #transact<T>(begin: string, work: () => T): T {
    try {
      this.prepare(begin).run();
      const result = work();
      this.prepare("COMMIT").run();
      return result;
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.prepare("ROLLBACK").run();
      throw toLibraryError(error, this.path);
    }
  }
}

function missing(path: string): MilepostError {
  return new MilepostError("NOT_FOUND", `there is no index of documents at ${path}; run some documents into it first`);
}

/** What adds sqlite-vec to an open database. @throws {MilepostError} `MISSING_DEPENDENCY`, saying what to install */
export async function loadSqliteVec(): Promise<(db: DatabaseSync) => void> {
  try {
    const { getLoadablePath } = await import("sqlite-vec");
    const file = getLoadablePath();
    return (db) => {
      db.loadExtension(file);
      db.enableLoadExtension(false);
    };
  } catch (cause) {
    throw new MilepostError(
      "MISSING_DEPENDENCY",
      "an index of documents needs the package sqlite-vec; install it: npm install sqlite-vec",
      { details: { package: "sqlite-vec" }, cause },
    );
  }
}

/** The switch to a log is the one thing that SQLite does not wait for when others open the file at the same time. */
function takeTurns(db: DatabaseSync): void {
  for (let round = 1; ; round++) {
    try {
      db.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === 5;
      if (!isBusy || round === TURN_TRIES) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TURN_WAIT_MS);
    }
  }
}

function createTables(db: DatabaseSync, embedder: Embedder): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    // Somebody else may have been faster.
    if (Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n) === 0) db.exec(librarySchema(embedder));
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function assertLibrary(db: DatabaseSync, path: string): void {
  const id = db.prepare("PRAGMA application_id").get()?.application_id;
  if (id !== LIBRARY_ID) {
    throw new MilepostError(
      "STORE_UNSUPPORTED",
      `${path} must be an index of documents; found another SQLite database. Give another path.`,
    );
  }
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version !== LIBRARY_VERSION) {
    throw new MilepostError(
      "STORE_SCHEMA",
      `the index ${path} has version ${version}; this Milepost reads version ${LIBRARY_VERSION}. Run the documents into a new one.`,
    );
  }
}

function assertEmbedder(db: DatabaseSync, path: string, { name, dimensions }: Embedder): void {
  const found = db.prepare("SELECT embedder, text_dimensions, image_dimensions FROM library").get();
  const isSame =
    found?.embedder === name &&
    found.text_dimensions === dimensions.texts &&
    found.image_dimensions === dimensions.images;
  if (isSame) return;
  throw new MilepostError(
    "CONFLICT",
    `the index ${path} was made with the embedder ${String(found?.embedder)}; vectors of ${name} cannot be compared with its own. Use that one, or another index.`,
    { details: { path, found: found?.embedder, given: name } },
  );
}
