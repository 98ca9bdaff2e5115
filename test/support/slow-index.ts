import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { ingest, writeFiles } from "./ingest.ts";

/** Rows that a slow statement goes through: many seconds of work, but an end. */
const ROWS = 300_000_000;
const LOOK_MS = 50;

/** An index that holds one text with the word `juniper`: whoever searches for that is held up in one statement of SQLite for many seconds. */
export class SlowIndex {
  readonly path: string;
  readonly #db: DatabaseSync;

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.#db = db;
  }

  static async make(folder: string): Promise<SlowIndex> {
    const path = join(folder, "library.db");
    await ingest(writeFiles(folder, { "note.txt": "Juniper lanes." }), { index: path });
    const db = new DatabaseSync(path);
    onTestFinished(() => db.close());
    db.exec(`
      ALTER TABLE chunks RENAME TO kept_chunks;
      CREATE VIEW chunks AS
        WITH RECURSIVE slow(row) AS (SELECT 1 UNION ALL SELECT row + 1 FROM slow WHERE row < ${ROWS})
        SELECT c.* FROM kept_chunks c WHERE (SELECT count(*) FROM slow) > 0;`);
    return new SlowIndex(path, db);
  }

  /** Resolves once somebody is within a statement that lasts, or nobody is any more. */
  async until(isRead: boolean): Promise<void> {
    for (let looks = 0; looks < 3; ) {
      await setTimeout(LOOK_MS);
      looks = this.#isRead() === isRead ? looks + 1 : 0;
    }
  }

  /** Who reads what lies in the log keeps it from being begun anew. */
  #isRead(): boolean {
    this.#db.exec("UPDATE documents SET bytes = bytes + 1");
    return this.#db.prepare("PRAGMA wal_checkpoint(RESTART)").get()?.busy === 1;
  }
}
