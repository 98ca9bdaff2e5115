import type { Figures } from "../case.ts";
import { chunksOfNames } from "../names.ts";
import { ADD_CHUNK, Countdown, load, type PeerInput } from "./peer.ts";

interface Options {
  readonly connectionString: string;
  readonly schema: string;
  readonly logger: unknown;
}
interface Utils {
  migrate(): Promise<void>;
  addJobs(jobs: readonly { identifier: string; payload: unknown }[]): Promise<unknown>;
  withPgClient<T>(work: (client: { query(sql: string): Promise<{ rows: readonly T[] }> }) => Promise<T>): Promise<T>;
  release(): Promise<void>;
}
interface GraphileWorker {
  makeWorkerUtils(options: Options): Promise<Utils>;
  run(options: {
    preset: {
      worker: Options & {
        concurrentJobs: number;
        maxPoolSize: number;
        localQueue: { size: number };
        completeJobBatchDelay: number;
        failJobBatchDelay: number;
      };
    };
    taskList: Readonly<Record<string, () => void>>;
    events: NodeJS.EventEmitter;
    noHandleSignals: boolean;
  }): Promise<{ stop(): Promise<void> }>;
  Logger: new (factory: () => (level: string, message: string) => void) => unknown;
}

/** Of 500 to 20,000 this was the fastest. */
const LOCAL_QUEUE_JOBS = 5_000;

/** `addJobs`, then a pool with a local queue and batched completion, which its makers name as the fastest way. Done jobs are deleted. */
export async function measure({ items, location, concurrency, name }: PeerInput): Promise<Figures> {
  const { EventEmitter } = await import("node:events");
  const { makeWorkerUtils, run, Logger } = await load<GraphileWorker>("graphile-worker");
  const logger = new Logger(() => (level, message) => {
    if (level === "error") process.stderr.write(`${message}\n`);
  });
  const options = { connectionString: location, schema: name, logger };
  const utils = await makeWorkerUtils(options);
  await utils.migrate();
  const startedAt = performance.now();
  for (const chunk of chunksOfNames(items, ADD_CHUNK)) {
    await utils.addJobs(chunk.map((path) => ({ identifier: "nothing", payload: { path } })));
  }
  const createdAt = performance.now();
  const ended = new Countdown(items);
  const events = new EventEmitter();
  events.on("job:complete", () => ended.count());
  const runner = await run({
    preset: {
      worker: {
        ...options,
        concurrentJobs: concurrency,
        maxPoolSize: 10,
        localQueue: { size: LOCAL_QUEUE_JOBS },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    taskList: { nothing: () => {} },
    events,
    noHandleSignals: true,
  });
  await ended.reached;
  // The last completions wait to be written in one go; stopping writes them.
  await runner.stop();
  const endedAt = performance.now();
  const { count } = await utils.withPgClient<{ count: string }>(async (client) => {
    const { rows } = await client.query(`SELECT count(*) FROM ${name}._private_jobs`);
    await client.query(`DROP SCHEMA ${name} CASCADE`);
    return rows[0] ?? { count: "unknown" };
  });
  await utils.release();
  if (count !== "0") throw new Error(`${count} of ${items} jobs are still there`);
  return { createMs: createdAt - startedAt, drainMs: endedAt - createdAt };
}
