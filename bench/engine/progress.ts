import { setImmediate as turn } from "node:timers/promises";
import { openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { names } from "../names.ts";

/** How many reports a handler makes between two turns of the event loop. */
const REPORTS_A_TURN = 100;

/** Handlers report progress as fast as the engine takes it, until all of it is accepted and the batch has ended. */
export async function measure(input: { path: string; reports: number; handlers: number }): Promise<Figures> {
  const { path, handlers } = input;
  const reports = Math.ceil(input.reports / handlers);
  await using milepost = await openMilepost(path);
  milepost.pipeline("report", async (_item, step) => {
    for (let done = 1; done <= reports; done++) {
      step.progress(done, reports, "page");
      if (done % REPORTS_A_TURN === 0) await turn();
    }
  });
  const { batch } = await milepost.submit({ pipeline: "report", items: names(handlers) });
  const startedAt = performance.now();
  await milepost.work({ concurrency: handlers });
  const { outcome } = await batch.done();
  const ms = performance.now() - startedAt;
  if (outcome !== "success") throw new Error(`the batch ended with ${outcome}`);
  return { ms, reportsPerSecond: (1_000 * reports * handlers) / ms };
}
