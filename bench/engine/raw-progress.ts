import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import { openRawStore, prepareInsert, transact } from "./raw-store.ts";

const CHUNK = 100;

/** Each report written by hand, 100 a transaction, to the rows of as many items as there are handlers. */
export function measure(input: { path: string; reports: number; handlers: number }): Figures {
  const { path, handlers } = input;
  const reports = Math.ceil(input.reports / handlers) * handlers;
  const db = openRawStore(path);
  prepareInsert(db)([[...names(handlers)]]);
  const write = db.prepare("UPDATE items SET progress = ? WHERE id = ?");
  const startedAt = performance.now();
  for (let from = 0; from < reports; from += CHUNK) {
    transact(db, () => {
      for (let report = from; report < Math.min(from + CHUNK, reports); report++) {
        const done = Math.floor(report / handlers) + 1;
        const progress = { stage: null, done, total: reports / handlers, unit: "page", message: null };
        write.run(JSON.stringify(progress), (report % handlers) + 1);
      }
    });
  }
  const ms = performance.now() - startedAt;
  db.close();
  return { ms, reportsPerSecond: (1_000 * reports) / ms };
}
