import type { Connection } from "./connection.ts";
import { isLapsed } from "./sessions.ts";

/** A live session, as far as it decides who works on a batch. */
export interface Server {
  readonly number: number;
  /** Empty for all. */
  readonly queues: readonly string[];
  /** Null for all. */
  readonly pipelines: readonly string[] | null;
  readonly batch: number | null;
  readonly concurrency: number;
}

/** What of a batch decides who works on it. */
export interface Served {
  readonly number: number;
  readonly queue: string;
  readonly pipeline: string;
}

/** Prepares a read of the sessions whose leases have not lapsed. */
export function prepareServers(connection: Connection): () => readonly Server[] {
  const all = connection.query<[number, string, string | null, number | null, number, number, number]>(
    "SELECT number, queues, pipelines, batch, concurrency, lease_ms, beat_at FROM workers WHERE is_draining = 0",
  );
  return () => {
    const monotonic = connection.clock.monotonic();
    return all.all().flatMap(([number, queues, pipelines, batch, concurrency, leaseMs, beatAt]) => {
      if (isLapsed({ beatAt, leaseMs }, monotonic)) return [];
      const names = pipelines === null ? null : (JSON.parse(pipelines) as readonly string[]);
      return [{ number, queues: JSON.parse(queues) as readonly string[], pipelines: names, batch, concurrency }];
    });
  };
}

/** Handlers that may run items of a batch at once. */
export function concurrencyFor(batch: Served, servers: readonly Server[]): number {
  let sum = 0;
  for (const { queues, pipelines, batch: only, concurrency } of servers) {
    if (only !== null && only !== batch.number) continue;
    if (pipelines !== null && !pipelines.includes(batch.pipeline)) continue;
    if (queues.length === 0 || queues.includes(batch.queue)) sum += concurrency;
  }
  return sum;
}
