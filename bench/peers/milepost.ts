import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import type { PeerInput } from "./peer.ts";

/** A batch from a stream, then one worker until it has ended; every item stays, with its key unique. */
export async function measure({ items, location, concurrency }: PeerInput): Promise<Figures> {
  await using milepost = await openMilepost(location);
  milepost.pipeline("nothing", () => {});
  const startedAt = performance.now();
  const { batch } = await milepost.submit({ pipeline: "nothing", items: names(items) });
  const createdAt = performance.now();
  await milepost.work({ concurrency });
  const { counts } = await batch.done();
  const endedAt = performance.now();
  if (counts.completed !== items) throw new Error(`${counts.completed} of ${items} items were completed`);
  return { createMs: createdAt - startedAt, drainMs: endedAt - createdAt };
}
