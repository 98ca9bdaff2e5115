import { DatabaseSync } from "node:sqlite";

/**
 * What a person would write by hand to run a batch once, on one machine, in one process: the columns that the row changes
 * need, and no index: one process that takes items in order finds them by their numbers. No unique keys, feed, attempts,
 * retries, control or other workers. Claims by a range of numbers were the fastest of the ways tried.
 */
export function openRawStore(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE IF NOT EXISTS batches (
      id INTEGER PRIMARY KEY, total INTEGER NOT NULL, pending INTEGER NOT NULL, processing INTEGER NOT NULL,
      completed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS items (
      id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL, token INTEGER NOT NULL,
      worker INTEGER NOT NULL, progress TEXT, started_at INTEGER, ended_at INTEGER
    ) STRICT;`);
  return db;
}

export type Claimed = readonly [id: number, token: number, key: string];

/** Prepares what marks the waiting items after `from`, up to and with `to`, as processing, and returns them. */
export function prepareClaim(db: DatabaseSync): (from: number, to: number) => readonly Claimed[] {
  const claim = db.prepare(`UPDATE items SET state = 1, token = token + 1, worker = 1, started_at = ?
    WHERE id > ? AND id <= ? AND state = 0 RETURNING id, token, key`);
  claim.setReturnArrays(true);
  return (from, to) => claim.all(Date.now(), from, to) as unknown as readonly Claimed[];
}

/** Runs `work` in one transaction. */
export function transact(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  work();
  db.exec("COMMIT");
}

/** Prepares what inserts a batch and the items of each list, one transaction a list; the first has the batch's row too. */
export function prepareInsert(db: DatabaseSync): (lists: Iterable<readonly string[]>) => void {
  const addBatch = db.prepare("INSERT INTO batches (total, pending, processing, completed) VALUES (0, 0, 0, 0)");
  const addItem = db.prepare("INSERT INTO items (batch, key, state, token, worker) VALUES (?, ?, 0, 0, 0)");
  const count = db.prepare("UPDATE batches SET total = total + ?, pending = pending + ? WHERE id = ?");
  return (lists) => {
    let batch: number | bigint | null = null;
    for (const list of lists) {
      transact(db, () => {
        const id = batch ?? addBatch.run().lastInsertRowid;
        for (const key of list) addItem.run(id, key);
        count.run(list.length, list.length, id);
        batch = id;
      });
    }
  };
}
