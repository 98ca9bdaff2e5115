import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { Server } from "./server.ts";

/** One system as it is measured. */
export interface Peer {
  /** In `runs` and in the names of ratios. */
  readonly name: string;
  readonly label: string;
  /** The case, a file beside this one. */
  readonly module: string;
  /** Settings of concurrency that are tried; the best by whole life is kept. */
  readonly concurrencies: readonly number[];
  /** Starts its server in a folder of its own; absent for those that keep a file, or nothing. */
  readonly start?: (folder: string) => Promise<Server>;
}

export const FIELD: readonly Peer[] = [
  {
    name: "bullmq",
    label: "BullMQ, Redis with nothing on disk",
    module: "bullmq",
    concurrencies: [10, 50, 100, 300],
    start: (folder) => startRedis(folder, "nothing on disk"),
  },
  {
    name: "bullmqAof",
    label: "BullMQ, Redis with AOF everysec",
    module: "bullmq",
    concurrencies: [10, 50, 100, 300],
    start: (folder) => startRedis(folder, "AOF everysec"),
  },
  { name: "plainjob", label: "plainjob, SQLite", module: "plainjob", concurrencies: [1, 4] },
  { name: "pgBoss", label: "pg-boss, PostgreSQL", module: "pg-boss", concurrencies: [1, 2, 4], start: startPostgres },
  {
    name: "graphileWorker",
    label: "graphile-worker, PostgreSQL (deletes what is done)",
    module: "graphile-worker",
    concurrencies: [10, 50, 200],
    start: startPostgres,
  },
  {
    name: "milepostPostgres",
    label: "Milepost, PostgreSQL",
    module: "milepost",
    concurrencies: [50, 100, 300],
    start: startPostgres,
  },
  { name: "pQueue", label: "p-queue, memory alone", module: "p-queue", concurrencies: [10, 100, 1_000] },
];

export const MILEPOST: Peer = {
  name: "milepost",
  label: "Milepost, SQLite",
  module: "milepost",
  concurrencies: [10, 50, 100, 300],
};
