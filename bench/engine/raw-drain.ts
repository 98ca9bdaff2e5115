import { statSync } from "node:fs";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { peakBytes, settledBytes } from "../memory.ts";
import { type Claimed, openRawStore, prepareClaim, transact } from "./raw-store.ts";

/** By hand, chunk after chunk: one transaction marks the items processing, one marks them completed; both move the counters. */
export async function measure(input: { path: string; items: number; chunk: number }): Promise<Figures> {
  const { path, items, chunk } = input;
  const db = openRawStore(path);
  const claim = prepareClaim(db);
  const start = db.prepare("UPDATE batches SET pending = pending - ?, processing = processing + ? WHERE id = 1");
  const complete = db.prepare(`UPDATE items SET state = 2, worker = 0, ended_at = ?
    WHERE id = ? AND token = ? AND state = 1`);
  const end = db.prepare("UPDATE batches SET processing = processing - ?, completed = completed + ? WHERE id = 1");
  let done = 0;
  const cost = await costOf(() => {
    let claimed: readonly Claimed[] = [];
    do {
      transact(db, () => {
        claimed = claim(done, done + chunk);
        start.run(claimed.length, claimed.length);
      });
      transact(db, () => {
        const now = Date.now();
        for (const [id, token] of claimed) complete.run(now, id, token);
        end.run(claimed.length, claimed.length);
      });
      done += claimed.length;
    } while (claimed.length > 0);
  });
  if (done !== items) throw new Error(`${done} of ${items} items were completed`);
  const memory = { settledBytes: await settledBytes(), peakBytes: peakBytes() };
  db.close();
  return { ...cost, ...memory, fileBytes: statSync(path).size };
}
