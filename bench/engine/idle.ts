import { setTimeout as sleep } from "node:timers/promises";
import { type Milepost, openMilepost } from "../../src/index.ts";
import type { Figures } from "../case.ts";
import { nameAt } from "../names.ts";
import { quantile } from "../summary.ts";

/** Long enough that every loop and thread sleeps. */
export const IDLE_MS = 20;

/**
 * From the call of `submit` with one item, on a store where all is idle, to the start of its handler, `samples` times.
 * `startWorker` says where handlers run: it calls back with the time of each start and resolves with what ends the worker.
 */
export async function measureStarts(
  input: { readonly path: string; readonly samples: number },
  startWorker: (milepost: Milepost, onStart: (at: bigint) => void) => Promise<{ stop(): Promise<void> }>,
): Promise<Figures> {
  await using milepost = await openMilepost(input.path);
  let onStart: (at: bigint) => void = () => {};
  const worker = await startWorker(milepost, (at) => onStart(at));
  const times: number[] = [];
  for (let sample = 0; sample < input.samples; sample++) {
    await sleep(IDLE_MS);
    const started = new Promise<bigint>((resolve) => {
      onStart = resolve;
    });
    // The system's own monotonic clock: the same in every process.
    const submittedAt = process.hrtime.bigint();
    const { batch } = await milepost.submit({ pipeline: "nothing", items: [nameAt(sample)] });
    times.push(Number((await started) - submittedAt) / 1e6);
    await batch.done();
  }
  await worker.stop();
  return startFigures(times);
}

export function startFigures(times: readonly number[]): Figures {
  return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99), maxMs: quantile(times, 1) };
}
