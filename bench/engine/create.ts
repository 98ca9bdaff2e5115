import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { peakBytes } from "../memory.ts";
import { names } from "../names.ts";
import { warmUp } from "./warm-up.ts";

/** A stream of names submitted as the batch `measured` of a new store at `path`, until all of it is durable. */
export async function measure(input: { path: string; items: number; warmItems: number }): Promise<Figures> {
  await warmUp(input);
  await using milepost = await openMilepost(input.path);
  const cost = await costOf(() =>
    milepost.submit({ pipeline: "nothing", name: "measured", items: names(input.items) }),
  );
  return { ...cost, peakBytes: peakBytes() };
}
