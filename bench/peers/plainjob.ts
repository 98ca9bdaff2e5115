import type { Figures } from "../case.ts";
import { chunksOfNames } from "../names.ts";
import { ADD_CHUNK, Countdown, load, type PeerInput } from "./peer.ts";

interface Logger {
  readonly error: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly debug: (message: string) => void;
}
interface Queue {
  addMany(type: string, data: readonly unknown[]): unknown;
  countJobs(filter: { status: number }): number;
  close(): void;
}
interface PlainJob {
  better(database: unknown): unknown;
  defineQueue(options: { connection: unknown; logger: Logger }): Queue;
  defineWorker(
    type: string,
    handler: () => void,
    options: { queue: Queue; pollIntervall: number; logger: Logger; onCompleted: () => void },
  ): { start(): Promise<void>; stop(): Promise<void> };
  readonly JobStatus: { readonly Done: number };
}
interface BetterSqlite {
  readonly default: new (path: string) => unknown;
}

const LOGGER: Logger = { error: (message) => process.stderr.write(`${message}\n`), warn() {}, info() {}, debug() {} };
const POLL_MS = 10;

/** `addMany`, then `concurrency` workers, each of which runs one job at a time; its own settings are WAL and NORMAL. */
export async function measure({ items, location, concurrency }: PeerInput): Promise<Figures> {
  const { better, defineQueue, defineWorker, JobStatus } = await load<PlainJob>("plainjob");
  const { default: Database } = await load<BetterSqlite>("better-sqlite3");
  const queue = defineQueue({ connection: better(new Database(location)), logger: LOGGER });
  const startedAt = performance.now();
  for (const chunk of chunksOfNames(items, ADD_CHUNK)) queue.addMany("nothing", chunk);
  const createdAt = performance.now();
  const ended = new Countdown(items);
  const options = { queue, pollIntervall: POLL_MS, logger: LOGGER, onCompleted: () => ended.count() };
  const workers = Array.from({ length: concurrency }, () => defineWorker("nothing", () => {}, options));
  const runs = workers.map((worker) => worker.start());
  await ended.reached;
  const endedAt = performance.now();
  await Promise.all(workers.map((worker) => worker.stop()));
  await Promise.all(runs);
  const done = queue.countJobs({ status: JobStatus.Done });
  if (done !== items) throw new Error(`${done} of ${items} jobs were done`);
  queue.close();
  return { createMs: createdAt - startedAt, drainMs: endedAt - createdAt };
}
