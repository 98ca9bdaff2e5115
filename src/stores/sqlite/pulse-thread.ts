import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { PulseMessage } from "../pulse.ts";

/** What the thread is started with. `ino` and `dev` number the file as the store opened it; `clockOffsetMs` turns `process.hrtime` into the store's monotonic clock. */
export interface PulseSetup {
  readonly path: string;
  readonly ino: number;
  readonly dev: number;
  readonly worker: number;
  readonly everyMs: number;
  readonly clockOffsetMs: number;
}

/*
 * Renews one session's lease, with a connection and a timer of its own, however busy the main thread is. This thread has no
 * clock port: time cannot be handed to another thread, only its offset.
 */
function run(setup: PulseSetup): void {
  const found = statSync(setup.path);
  // Another file beside the log of this one: SQLite would write the log into it.
  if (found.ino !== setup.ino || found.dev !== setup.dev) throw new Error("the store was replaced by another file");
  // A file that is gone by now must not be made anew.
  const file = pathToFileURL(setup.path);
  file.searchParams.set("mode", "rw");
  // A wait for the write lock blocks nobody here, so it may take most of a period.
  const db = new DatabaseSync(file, { timeout: Math.max(50, Math.floor(setup.everyMs / 2)) });
  db.exec("PRAGMA synchronous = NORMAL");
  const beat = db.prepare("UPDATE workers SET beat_at = ? WHERE number = ?");
  const tell = (message: PulseMessage): void => parentPort?.postMessage(message);
  const stop = (): void => {
    clearInterval(timer);
    parentPort?.close();
    if (db.isOpen) db.close();
  };
  const renew = (): void => {
    try {
      const now = Number(process.hrtime.bigint()) / 1e6 + setup.clockOffsetMs;
      if (Number(beat.run(now, setup.worker).changes) === 1) return;
    } catch {
      // The lease spans several periods: a file that is busy or a disk that is full now may be free at the next.
      return;
    }
    tell("lost");
    stop();
  };
  const timer = setInterval(renew, setup.everyMs);
  parentPort?.on("message", stop);
  renew();
  tell("beating");
}

run(workerData as PulseSetup);
