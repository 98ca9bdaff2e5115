import { mkdirSync } from "node:fs";
import { type Milepost, openMilepost } from "../../../src/index.ts";
import { SILENT } from "../../../src/ports/logger.ts";
import { freePort } from "../../support/free-port.ts";
import { type Cluster, startCluster } from "../../support/postgres.ts";
import { Child } from "../support/child.ts";
import type { Scene } from "../support/fault.ts";
import { Member } from "./member.ts";

export const TOKEN = "a-token-of-the-cluster";
/** Short, so that what was frozen or cut off is missed soon. `milepost work` has 15 s. */
export const LEASE_MS = 3_000;

/** A crash loses what was committed without waiting for the disk within the last seconds; by itself it would be a fifth of one. */
const SETTINGS = { max_connections: "120", wal_writer_delay: "3s", wal_writer_flush_after: "1GB" };

/** A PostgreSQL with workers and servers around it, each with a way of its own to it that can be disturbed. */
export interface Scenery {
  readonly cluster: Cluster;
  readonly schema: string;
  readonly members: readonly Member[];
  readonly urls: readonly string[];
  /** The engine in this process, by an undisturbed way. */
  readonly milepost: Milepost;
}

export interface SceneryOptions {
  /** Half of them are `milepost work`, which cannot do what is nothing. */
  readonly workers: number;
  readonly servers: number;
  readonly concurrency: number;
}

export async function buildScenery(scene: Scene, options: SceneryOptions): Promise<Scenery> {
  const cluster = await startCluster({ settings: SETTINGS });
  scene.afterwards(() => cluster.stop());
  const { url, schema } = cluster.newStore();
  const milepost = await openMilepost(url, { logger: SILENT });
  scene.afterwards(() => milepost.close());
  mkdirSync(scene.path("ledgers"));
  const ports = await Promise.all(Array.from({ length: options.servers }, freePort));
  const starting = [
    ...Array.from({ length: options.workers }, (_, index) =>
      index % 2 === 0 ? startScript(scene, url, { index, ...options }) : startWork(scene, url, { index, ...options }),
    ),
    ...ports.map((port, index) => startServer(scene, url, { index, port })),
  ];
  const members = await Promise.all(starting);
  return { cluster, schema, members, urls: ports.map((port) => `http://127.0.0.1:${port}`), milepost };
}

type Place = { readonly index: number; readonly concurrency: number };

function startScript(scene: Scene, store: string, { index, concurrency }: Place): Promise<Member> {
  return Member.start(scene, {
    name: `worker ${index + 1} (a script)`,
    kind: "worker",
    store,
    spawn: (url) =>
      Child.script(scene, "cluster-worker.ts", [url, scene.path("ledgers"), String(concurrency), String(LEASE_MS)]),
    isReady: ({ stdout }) => stdout.includes("working"),
  });
}

function startWork(scene: Scene, store: string, { index }: Place): Promise<Member> {
  return Member.start(scene, {
    name: `worker ${index + 1} (milepost work)`,
    kind: "worker",
    store,
    spawn: (url) => Child.milepost(scene, ["work", "--concurrency", "2"], { env: { MILEPOST_STORE: url } }),
    isReady: ({ stderr }) => stderr.includes("working on"),
  });
}

function startServer(scene: Scene, store: string, how: { index: number; port: number }): Promise<Member> {
  const args = ["serve", "--no-work", "--port", String(how.port), "--files", scene.path("files")];
  return Member.start(scene, {
    name: `server ${how.index + 1}`,
    kind: "server",
    store,
    spawn: (url) => Child.milepost(scene, args, { env: { MILEPOST_STORE: url, MILEPOST_TOKEN: TOKEN } }),
    isReady: ({ stdout, stderr }) => `${stdout}${stderr}`.includes(`:${how.port}`),
  });
}
