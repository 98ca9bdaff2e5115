import { openMilepost } from "../../src/index.ts";
import { names } from "../names.ts";

/**
 * Creates and drains `warmItems` items in a store of its own, so that code is compiled before what is measured starts.
 * Without it a small batch would seem dear beside a large one, and growth would be hidden.
 */
export async function warmUp(input: { readonly path: string; readonly warmItems: number }): Promise<void> {
  if (input.warmItems === 0) return;
  await using milepost = await openMilepost(`${input.path}.warm`);
  milepost.pipeline("nothing", () => {});
  await milepost.work({ concurrency: 100 });
  const { batch } = await milepost.submit({ pipeline: "nothing", items: names(input.warmItems) });
  await batch.done();
}
