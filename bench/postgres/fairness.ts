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
 * large one end between the submission of a small one and its end, at most and on average, and how long that takes.
 */
export async function measure(input: PostgresInput): Promise<Figures> {
  await using milepost = await openMilepost(storeOf(input));
  const { batch: large } = await milepost.submit({ pipeline: "nothing", name: "large", items: names(input.items) });
  const team = new Team("./drain-process.js", input);
  await team.ready();
  team.go();
  const completed = async (): Promise<number> => (await large.snapshot()).counts.completed;
  while ((await completed()) === 0);
  const lives: (readonly [from: number, to: number])[] = [];
  for (let time = 0; time < TIMES; time++) {
    const { batch: small } = await milepost.submit({ pipeline: "nothing", items: names(SMALL) });
    const { createdAt, endedAt } = await small.done();
    lives.push([createdAt.getTime(), endedAt?.getTime() ?? Number.NaN]);
  }
  if ((await completed()) === input.items) throw new Error("the large batch ended too early: give it more items");
  await large.cancel();
  const done = team.done();
  await team.end();
  await done;
  const passed = await endedWithin(input, lives);
  return {
    passedMax: Math.max(...passed),
    passedMean: passed.reduce((sum, items) => sum + items, 0) / TIMES,
    waitedMaxMs: Math.max(...lives.map(([from, to]) => to - from)),
  };
}

/** How many items of the large batch ended in each span, by the times that were recorded with them. */
async function endedWithin(
  input: PostgresInput,
  spans: readonly (readonly [from: number, to: number])[],
): Promise<readonly number[]> {
  const client = new pg.Client({ connectionString: input.location });
  await client.connect();
  try {
    const passed: number[] = [];
    for (const span of spans) {
      const { rows } = await client.query(
        `SELECT count(*)::int AS n FROM "${input.schema}".items AS i JOIN "${input.schema}".batches AS b ON b.number = i.batch
         WHERE b.name = 'large' AND i.state = 2 AND i.ended_at > $1 AND i.ended_at <= $2`,
        [...span],
      );
      passed.push(Number(rows[0].n));
    }
    return passed;
  } finally {
    await client.end();
  }
}
