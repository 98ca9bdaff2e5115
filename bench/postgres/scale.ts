import { setTimeout } from "node:timers/promises";
import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import { type PostgresInput, storeOf } from "./input.ts";
import { bytesOf, readLoad } from "./server-load.ts";
import { Team } from "./team.ts";

/** Workers that have nothing to do are watched for so long. */
const IDLE_MS = 10_000;

/**
 * What the server does while worker processes run the items of a batch, from its submission to its end; without items, while
 * they wait for work.
 */
export async function measure(input: PostgresInput): Promise<Figures> {
  await using milepost = await openMilepost(storeOf(input));
  const { batch } = await milepost.submit({ pipeline: "nothing", name: "measured", items: names(input.items) });
  const team = new Team("./drain-process.js", input);
  await team.ready();
  const before = await readLoad(input.location);
  const startedAt = performance.now();
  team.go();
  if (input.items > 0) await batch.done();
  else await setTimeout(IDLE_MS);
  const ms = performance.now() - startedAt;
  const workersMs = team.done();
  await team.end();
  const after = await readLoad(input.location);
  return {
    ms,
    workerCpuMs: await workersMs,
    serverCpuMs: after.cpuMs - before.cpuMs,
    transactions: after.transactions - before.transactions,
    walBytes: after.walBytes - before.walBytes,
    bytes: await bytesOf(input.location, input.schema),
  };
}
