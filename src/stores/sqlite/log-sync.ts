import { closeSync, fdatasyncSync, openSync, realpathSync } from "node:fs";
import { MilepostError } from "../../core/errors.ts";

/** Makes what was written to a file survive a power cut. */
export type SyncFile = (file: number) => void;

/**
 * Makes commits durable: one sync of SQLite's write-ahead log for all commits of a turn of the event loop. It is what
 * `synchronous=FULL` does inside of each COMMIT, done a little later, so that work which was just submitted is claimed and
 * started meanwhile; whoever submitted it waits for the sync. A log is a file of its own, on which SQLite takes no locks.
 */
export class LogSync {
  readonly #path: string;
  readonly #syncFile: SyncFile;
  #file: number | null = null;
  #waiting: { readonly promise: Promise<void>; settle(): void } | null = null;
  #failure: MilepostError | null = null;

  constructor(path: string, syncFile: SyncFile = fdatasyncSync) {
    this.#path = path;
    this.#syncFile = syncFile;
  }

  /**
   * Resolves when every commit made so far is durable.
   * @throws {MilepostError} `STORE_GONE` once the disk has refused: what it has not written then, another try would not bring back
   */
  synced(): Promise<void> {
    if (this.#waiting === null) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const settle = (): void => {
        this.#waiting = null;
        clearImmediate(immediate);
        try {
          this.#sync();
          resolve();
        } catch (error) {
          reject(error);
        }
      };
      const immediate = setImmediate(settle);
      this.#waiting = { promise, settle };
    }
    return this.#waiting.promise;
  }

  /** What somebody waits for is synced before. */
  close(): void {
    this.#waiting?.settle();
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #sync(): void {
    if (this.#failure !== null) throw this.#failure;
    try {
      // SQLite keeps the log beside the file that a link leads to.
      this.#file ??= openSync(`${realpathSync(this.#path)}-wal`, "r+");
      this.#syncFile(this.#file);
    } catch (error) {
      this.#failure = new MilepostError(
        "STORE_GONE",
        `store ${this.#path}: its disk did not take what was written (${error instanceof Error ? error.message : error}). Check the disk and start again.`,
        { cause: error },
      );
      throw this.#failure;
    }
  }
}
