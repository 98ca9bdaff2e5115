import type { Figures } from "../case.ts";
import { names } from "../names.ts";
import { Countdown, load, type PeerInput } from "./peer.ts";

interface PQueueModule {
  readonly default: new (options: {
    concurrency: number;
  }) => {
    add(task: () => Promise<void>): Promise<void>;
    onIdle(): Promise<void>;
  };
}

/** In memory alone: adding an item may start it, so that creation and drain are one. */
export async function measure({ items, concurrency }: PeerInput): Promise<Figures> {
  const { default: PQueue } = await load<PQueueModule>("p-queue");
  const queue = new PQueue({ concurrency });
  const ended = new Countdown(items);
  const startedAt = performance.now();
  for (const _name of names(items)) void queue.add(async () => ended.count());
  await queue.onIdle();
  const endedAt = performance.now();
  await ended.reached;
  return { lifeMs: endedAt - startedAt };
}
