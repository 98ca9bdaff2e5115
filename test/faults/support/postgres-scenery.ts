import { type Milepost, openMilepost } from "../../../src/index.ts";
import { SILENT } from "../../../src/ports/logger.ts";
import { FaultProxy } from "../../support/fault-proxy.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../../support/postgres.ts";
import { Child, type ChildOptions } from "./child.ts";
import type { Scene } from "./fault.ts";

/** A PostgreSQL of a scene with a store, and a way to it that can be disturbed. */
export interface PostgresScenery {
  readonly cluster: Cluster;
  readonly url: string;
  readonly schema: string;
  readonly proxy: FaultProxy;
  /** The store's URL by way of the proxy. */
  readonly proxied: string;
}

/** Commits that do not wait for the disk stay undone for long, and no page that is written takes them along: a crash of the server loses all that it may. */
export const FORGETFUL = { wal_writer_delay: "10s", wal_writer_flush_after: "1GB", bgwriter_lru_maxpages: "0" };

export async function openPostgresIn(scene: Scene, options: ClusterOptions = {}): Promise<PostgresScenery> {
  const cluster = await startCluster({ settings: { max_connections: "60" }, ...options });
  scene.afterwards(() => cluster.stop());
  const { url, schema } = cluster.newStore();
  const proxy = await FaultProxy.start({ port: Number(new URL(url).port) });
  scene.afterwards(() => proxy.close());
  return { cluster, url, schema, proxy, proxied: proxy.urlOf(url) };
}

/** Opens the engine on a store; closed with the scene. */
export async function openAt(scene: Scene, url: string): Promise<Milepost> {
  const milepost = await openMilepost(url, { logger: SILENT });
  scene.afterwards(() => milepost.close());
  return milepost;
}

/** Starts a worker process of `worker.ts` on a store and waits until it works. */
export async function startWorkerAt(
  scene: Scene,
  url: string,
  options: { readonly concurrency?: number; readonly leaseMs?: number } & ChildOptions = {},
): Promise<Child> {
  const { concurrency = 1, leaseMs = 1_000, ...rest } = options;
  const child = Child.script(scene, "worker.ts", [url, scene.folder, String(concurrency), String(leaseMs)], rest);
  await child.until(({ stdout }) => stdout.includes("working"));
  return child;
}

/** How an attempt ends: its error's code, or `done`; and after how many milliseconds. */
export async function timed(attempt: () => Promise<unknown>): Promise<{ readonly end: string; readonly ms: number }> {
  const startedAt = performance.now();
  const end = await attempt().then(
    () => "done",
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
  return { end, ms: Math.round(performance.now() - startedAt) };
}
