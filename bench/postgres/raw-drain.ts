import type { Figures } from "../case.ts";
import type { PostgresInput } from "./input.ts";
import { openRaw } from "./raw-store.ts";
import { Team } from "./team.ts";

/** By hand: worker processes mark chunks as processing and then as completed, and move the counters with them. */
export async function measure(input: PostgresInput): Promise<Figures> {
  const team = new Team("./raw-drain-process.js", input);
  await team.ready();
  const startedAt = performance.now();
  team.go();
  const cpuMs = await team.done();
  const ms = performance.now() - startedAt;
  await team.end();
  const client = await openRaw(input);
  const { rows } = await client.query("SELECT completed FROM batches");
  await client.end();
  if (rows[0].completed !== input.items) throw new Error(`${rows[0].completed} of ${input.items} items were completed`);
  return { ms, cpuMs };
}
