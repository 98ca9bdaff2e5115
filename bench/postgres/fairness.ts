import pg from "pg";
import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import { type PostgresInput, storeOf } from "./input.ts";
import { Team } from "./team.ts";

/** Items of the batch that comes later. */
export const SMALL = 100;
/** Batches that come one after another. */
const TIMES = 5;

/**
 * While workers are busy with a large batch, small ones of the same priority come, one after another: how many items of the
 * large one start after a small one was committed and before its last item does, at most and on average, and how long that takes.
 */
export async function measure(input: PostgresInput): Promise<Figures> {
  await using milepost = await openMilepost(storeOf(input));
  const { batch: large } = await milepost.submit({ pipeline: "nothing", name: "large", items: names(input.items) });
  const team = new Team("./drain-process.js", input);
  await team.ready();
  team.go();
  const completed = async (): Promise<number> => (await large.snapshot()).counts.completed;
  while ((await completed()) === 0);
  const waits: Wait[] = [];
  for (let time = 0; time < TIMES; time++) {
    const { batch: small } = await milepost.submit({ pipeline: "nothing", items: names(SMALL) });
    // The answer follows the commit at once.
    const from = Date.now();
    const { id } = await small.done();
    waits.push({ from, id });
  }
  if ((await completed()) === input.items) throw new Error("the large batch ended too early: give it more items");
  await large.cancel();
  const done = team.done();
  await team.end();
  await done;
  const passed = await startedDuring(input, waits);
  return {
    passedMax: Math.max(...passed.map(({ items }) => items)),
    passedMean: passed.reduce((sum, { items }) => sum + items, 0) / TIMES,
    waitedMaxMs: Math.max(...passed.map(({ ms }) => ms)),
  };
}

/** Of a small batch: when it was committed. */
interface Wait {
  readonly id: string;
  readonly from: number;
}

/** How many items of the large batch started while each small one waited, and for how long that was, by the times recorded with items. */
async function startedDuring(
  input: PostgresInput,
  waits: readonly Wait[],
): Promise<readonly { readonly items: number; readonly ms: number }[]> {
  const client = new pg.Client({ connectionString: input.location });
  await client.connect();
  try {
    const passed: { readonly items: number; readonly ms: number }[] = [];
    const [items, batches] = [`"${input.schema}".items`, `"${input.schema}".batches`];
    for (const { id, from } of waits) {
      const { rows } = await client.query(
        `WITH last AS (SELECT max(i.started_at) AS at FROM ${items} AS i JOIN ${batches} AS b ON b.number = i.batch WHERE b.id = $2)
         SELECT count(*)::int AS items, (SELECT at FROM last)::float8 AS until FROM ${items} AS i JOIN ${batches} AS b
         ON b.number = i.batch WHERE b.name = 'large' AND i.started_at > $1 AND i.started_at <= (SELECT at FROM last)`,
        [from, id],
      );
      passed.push({ items: rows[0].items, ms: rows[0].until - from });
    }
    return passed;
  } finally {
    await client.end();
  }
}
