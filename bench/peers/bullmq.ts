import type { Figures } from "../case.ts";
import { chunksOfNames } from "../names.ts";
import { ADD_CHUNK, Countdown, load, type PeerInput } from "./peer.ts";

interface Connection {
  readonly url: string;
  readonly maxRetriesPerRequest: null;
}
interface BullMq {
  readonly Queue: new (
    name: string,
    options: { connection: Connection },
  ) => {
    addBulk(jobs: readonly { name: string; data: unknown }[]): Promise<unknown>;
    getCompletedCount(): Promise<number>;
    obliterate(options: { force: boolean }): Promise<void>;
    close(): Promise<void>;
  };
  readonly Worker: new (
    name: string,
    handler: () => Promise<void>,
    options: { connection: Connection; concurrency: number; autorun: boolean },
  ) => {
    on(event: "completed", listener: () => void): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
    run(): Promise<void>;
    close(): Promise<void>;
  };
}

/** `addBulk`, then one worker; done jobs are kept, as they are by default. */
export async function measure({ items, location, concurrency, name }: PeerInput): Promise<Figures> {
  const { Queue, Worker } = await load<BullMq>("bullmq");
  const connection = { url: location, maxRetriesPerRequest: null };
  const queue = new Queue(name, { connection });
  const startedAt = performance.now();
  for (const chunk of chunksOfNames(items, ADD_CHUNK)) {
    await queue.addBulk(chunk.map((path) => ({ name: "nothing", data: { path } })));
  }
  const createdAt = performance.now();
  const ended = new Countdown(items);
  const worker = new Worker(name, async () => {}, { connection, concurrency, autorun: false });
  worker.on("completed", () => ended.count());
  worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
  const run = worker.run();
  await ended.reached;
  const endedAt = performance.now();
  const completed = await queue.getCompletedCount();
  if (completed !== items) throw new Error(`${completed} of ${items} jobs were completed`);
  await worker.close();
  await run;
  await queue.obliterate({ force: true });
  await queue.close();
  return { createMs: createdAt - startedAt, drainMs: endedAt - createdAt };
}
