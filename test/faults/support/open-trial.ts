import { openSqliteStore } from "../../../src/stores/sqlite/sqlite-store.ts";
import { StoreTrial } from "../../../src/testing/store-trial.ts";
import { watchedDatabase } from "./watched-database.ts";

/** A trial on the file at `path`, its clock standing still; `watch` sets what is called after each statement. */
export async function openTrial(
  path: string,
): Promise<{ readonly trial: StoreTrial; readonly watch: (after: (sql: string) => void) => void }> {
  let after = (_sql: string): void => {};
  const trial = await StoreTrial.open(async (clock) => {
    const store = await openSqliteStore({
      path,
      clock,
      openDatabase: (file, options) => watchedDatabase(file, options, (sql) => after(sql)),
    });
    return { store, close: () => store.close() };
  });
  // Without the audits of the trial: they would be statements too.
  trial.store = trial.opened.store;
  return {
    trial,
    watch: (given) => {
      after = given;
    },
  };
}
