import { DatabaseSync } from "node:sqlite";

/** Everything that is committed in a store, table by table but for those in `except`, as text to compare. */
export function dump(path: string, except: readonly string[] = []): string {
  const db = new DatabaseSync(path);
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    const names = tables.map(({ name }) => String(name)).filter((name) => !except.includes(name));
    return JSON.stringify(names.map((name) => [name, db.prepare(`SELECT * FROM ${name}`).all()]));
  } finally {
    db.close();
  }
}

/** What SQLite itself says of a file: `ok`, or what is wrong. */
export function integrityOf(path: string): string {
  const db = new DatabaseSync(path);
  try {
    return db
      .prepare("PRAGMA integrity_check")
      .all()
      .map((row) => String(row.integrity_check))
      .join("; ");
  } finally {
    db.close();
  }
}
