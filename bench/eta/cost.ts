import { BatchFollower } from "./follow-batch.ts";
import { SeededChance } from "./random.ts";

export interface Cost {
  readonly items: number;
  readonly microsPerEvent: number;
  readonly millisPerEstimate: number;
  readonly stateBytes: number;
}

const ESTIMATES = 200;

/** Seconds of processor time: what other work the machine has does not count. */
function processorSeconds(): number {
  return process.threadCpuUsage().user / 1e6 + process.threadCpuUsage().system / 1e6;
}

/** What the estimator costs in the middle of a batch: 8 kinds over 20 octaves of size, as many cells as are kept, reports, 64 workers. */
export function costOf(items: number): Cost {
  const chance = new SeededChance(items);
  const estimator = new BatchFollower();
  const all = Array.from({ length: items }, (_, index) => ({
    kind: `kind-${index % 8}`,
    size: Math.round(1e3 * Math.exp(14 * chance.next())),
  }));
  for (const item of all) estimator.add(item);
  estimator.run({ workers: 64, isPaused: false }, 0);
  let events = 0;
  const half = items / 2;
  const startedAt = processorSeconds();
  for (let id = 0; id < half + 64; id++) {
    const item = all[id];
    if (item === undefined) break;
    estimator.started(id, item, id / 64);
    estimator.progressed(id, 0.5, (id + 20) / 64);
    events += 2;
    if (id < 64) continue;
    estimator.ended(id - 64, "completed", id / 64);
    events += 1;
  }
  const microsPerEvent = ((processorSeconds() - startedAt) * 1e6) / events;
  const now = (half + 64) / 64;
  const estimatesAt = processorSeconds();
  for (let look = 0; look < ESTIMATES; look++) estimator.estimate(now + look / 1_000);
  return {
    items,
    microsPerEvent,
    millisPerEstimate: ((processorSeconds() - estimatesAt) * 1_000) / ESTIMATES,
    stateBytes: JSON.stringify(estimator.state).length,
  };
}
