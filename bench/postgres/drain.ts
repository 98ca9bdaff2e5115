import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { type PostgresInput, storeOf } from "./input.ts";
import { Team } from "./team.ts";

/** Worker processes run every item of the batch `measured` through a handler that does nothing, until the batch has ended. */
export async function measure(input: PostgresInput): Promise<Figures> {
  await using milepost = await openMilepost(storeOf(input));
  const batch = milepost.batch("measured");
  const team = new Team("./drain-process.js", input);
  await team.ready();
  const ended = batch.done();
  const startedAt = performance.now();
  team.go();
  const { counts } = await ended;
  const ms = performance.now() - startedAt;
  if (counts.completed !== input.items) throw new Error(`${counts.completed} of ${input.items} items were completed`);
  const done = team.done();
  await team.end();
  return { ms, cpuMs: await done };
}
