import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { peakBytes } from "../memory.ts";
import { chunksOfNames } from "../names.ts";
import { openRawStore, prepareInsert } from "./raw-store.ts";

const CHUNK = 1_000;

/** The names inserted by hand, 1,000 a transaction. */
export async function measure(input: { path: string; items: number }): Promise<Figures> {
  const db = openRawStore(input.path);
  const insert = prepareInsert(db);
  const cost = await costOf(() => insert(chunksOfNames(input.items, CHUNK)));
  db.close();
  return { ...cost, peakBytes: peakBytes() };
}
