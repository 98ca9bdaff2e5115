import type { Figures } from "../case.ts";
import { chunksOfNames } from "../names.ts";
import { ADD_CHUNK, Countdown, load, type PeerInput } from "./peer.ts";

interface PgBossModule {
  readonly PgBoss: new (options: {
    connectionString: string;
    schema: string;
    supervise: boolean;
    schedule: boolean;
  }) => {
    on(event: "error", listener: (error: Error) => void): unknown;
    start(): Promise<unknown>;
    createQueue(name: string): Promise<void>;
    insert(name: string, jobs: readonly { data: object }[]): Promise<unknown>;
    work(
      name: string,
      options: {
        batchSize: number;
        pollingIntervalSeconds: number;
        burstWhenBatchFull: boolean;
        localConcurrency: number;
      },
      handler: (jobs: readonly unknown[]) => Promise<void>,
    ): Promise<string>;
    stop(options: { graceful: boolean }): Promise<void>;
  };
}
interface Pg {
  readonly default: {
    readonly Client: new (
      location: string,
    ) => {
      connect(): Promise<unknown>;
      query(sql: string): Promise<{ rows: readonly { count: string }[] }>;
      end(): Promise<void>;
    };
  };
}

const QUEUE = "nothing";
const FETCH_JOBS = 1_000;

/** `insert` of lists, then workers that fetch 1,000 jobs a time without a pause; `concurrency` of them. */
export async function measure({ items, location, concurrency, name }: PeerInput): Promise<Figures> {
  const { PgBoss } = await load<PgBossModule>("pg-boss");
  const boss = new PgBoss({ connectionString: location, schema: name, supervise: false, schedule: false });
  boss.on("error", (error) => process.stderr.write(`${error.message}\n`));
  await boss.start();
  await boss.createQueue(QUEUE);
  const startedAt = performance.now();
  for (const chunk of chunksOfNames(items, ADD_CHUNK)) {
    await boss.insert(
      QUEUE,
      chunk.map((path) => ({ data: { path } })),
    );
  }
  const createdAt = performance.now();
  const handled = new Countdown(items);
  const options = {
    batchSize: FETCH_JOBS,
    pollingIntervalSeconds: 0.5,
    burstWhenBatchFull: true,
    localConcurrency: concurrency,
  };
  await boss.work(QUEUE, options, async (jobs) => handled.count(jobs.length));
  await handled.reached;
  // The last lists are recorded as completed after their handlers ended; stopping waits for it.
  await boss.stop({ graceful: true });
  const endedAt = performance.now();
  await assertAllCompleted({ location, schema: name, items });
  return { createMs: createdAt - startedAt, drainMs: endedAt - createdAt };
}

/** Counts what is completed and removes the schema. */
async function assertAllCompleted(run: { location: string; schema: string; items: number }): Promise<void> {
  const { default: pg } = await load<Pg>("pg");
  const client = new pg.Client(run.location);
  await client.connect();
  const { rows } = await client.query(`SELECT count(*) FROM ${run.schema}.job WHERE state = 'completed'`);
  await client.query(`DROP SCHEMA ${run.schema} CASCADE`);
  await client.end();
  if (Number(rows[0]?.count) !== run.items) throw new Error(`${rows[0]?.count} of ${run.items} jobs were completed`);
}
