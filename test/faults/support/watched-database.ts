import { DatabaseSync, type DatabaseSyncOptions, type StatementSync } from "node:sqlite";

/** A database that calls `after` when a statement has run, whichever way it was run. */
export function watchedDatabase(
  path: string,
  options: DatabaseSyncOptions,
  after: (sql: string) => void,
): DatabaseSync {
  const db = new DatabaseSync(path, options);
  const [exec, prepare] = [db.exec.bind(db), db.prepare.bind(db)];
  db.exec = (sql) => {
    exec(sql);
    after(sql);
  };
  db.prepare = (sql, given) => watched(prepare(sql, given), () => after(sql));
  return db;
}

function watched(statement: StatementSync, after: () => void): StatementSync {
  for (const method of ["run", "get", "all"] as const) {
    const original = statement[method].bind(statement) as (...values: unknown[]) => unknown;
    Object.defineProperty(statement, method, {
      value: (...values: unknown[]) => {
        const result = original(...values);
        after();
        return result;
      },
    });
  }
  return statement;
}
