import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { costOf } from "../cost.ts";
import { names } from "../names.ts";
import { type PostgresInput, storeOf } from "./input.ts";

/** A stream of names submitted as the batch `measured` of a new store, until all of it is durable. */
export async function measure(input: PostgresInput): Promise<Figures> {
  await using milepost = await openMilepost(storeOf(input));
  return await costOf(() => milepost.submit({ pipeline: "nothing", name: "measured", items: names(input.items) }));
}
