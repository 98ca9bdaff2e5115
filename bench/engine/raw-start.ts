import { setTimeout as sleep } from "node:timers/promises";
import type { Figures } from "../case.ts";
import { nameAt } from "../names.ts";
import { IDLE_MS, startFigures } from "./idle.ts";
import { openRawStore, prepareClaim, prepareInsert } from "./raw-store.ts";

/** By hand: one batch of one item inserted with FULL, then claimed with NORMAL, which is where its handler could start. */
export async function measure(input: { path: string; samples: number }): Promise<Figures> {
  const db = openRawStore(input.path);
  const insert = prepareInsert(db);
  const claim = prepareClaim(db);
  const times: number[] = [];
  for (let sample = 0; sample < input.samples; sample++) {
    await sleep(IDLE_MS);
    const submittedAt = process.hrtime.bigint();
    db.exec("PRAGMA synchronous = FULL");
    insert([[nameAt(sample)]]);
    db.exec("PRAGMA synchronous = NORMAL");
    claim(sample, sample + 1);
    times.push(Number(process.hrtime.bigint() - submittedAt) / 1e6);
  }
  db.close();
  return startFigures(times);
}
