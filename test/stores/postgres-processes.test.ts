import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ItemState } from "../../src/core/transitions.ts";
import { openMilepost } from "../../src/index.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

const ITEMS = 3_000;
const script = fileURLToPath(new URL("../support/work-on.ts", import.meta.url));
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

async function startWorker(url: string, folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, url, folder, "16", "30000"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  return child;
}

/** Follows a batch's changes page by page until its end, and keeps a copy of the states; each item is told once a version. */
async function follow(store: Store, batch: number): Promise<ReadonlyMap<string, ItemState>> {
  const states = new Map<string, ItemState>();
  const told = new Map<string, number>();
  for (let since = 0; ; ) {
    const page = await store.changes(batch, since, 100);
    expect(page.isResumable).toBe(true);
    for (const item of page.items) {
      expect(item.version, "each change is told once, in order").toBeGreaterThan(told.get(item.key) ?? 0);
      told.set(item.key, item.version);
      states.set(item.key, item.state);
    }
    since = page.version;
    if (!page.hasMore && (await store.batch({ number: batch }))?.endedAt !== null) {
      if ((await store.batch({ number: batch }))?.version === since) return states;
    }
  }
}

test("two worker processes share a batch; one is killed, and nothing is lost, counted twice or missing in the feed", async () => {
  const { url } = cluster.newStore();
  const folder = temporaryFolder();
  const milepost = await openMilepost(url, { logger: SILENT });
  onTestFinished(() => milepost.close());
  const store = await openPostgresStore({ url, clock: systemClock });
  onTestFinished(() => store.close());
  const [doomed] = await Promise.all([startWorker(url, folder), startWorker(url, folder)]);
  const keys = Array.from({ length: ITEMS }, (_, index) => `item-${index}`);
  const { batch } = await milepost.submit({ pipeline: "gated", items: keys });
  const number = (await store.batch({ id: (await batch.snapshot()).id }))?.number ?? 0;
  const followed = follow(store, number);
  followed.catch(() => {});
  for await (const { counts } of batch.watch({ everyMs: 5 })) if (counts.processing === 32) break;
  writeFileSync(join(folder, "go"), "");
  for await (const { counts } of batch.watch({ everyMs: 5 })) if (counts.completed >= ITEMS / 6) break;
  doomed.kill("SIGKILL");
  expect(await batch.done()).toMatchObject({ outcome: "success", counts: { completed: ITEMS, total: ITEMS } });
  const states = await followed;
  expect(states.size).toBe(ITEMS);
  expect(new Set(states.values())).toEqual(new Set(["completed"]));
  const ended = readdirSync(folder)
    .filter((name) => name.startsWith("ledger-"))
    .flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"))
    .filter((line) => line.startsWith("end "));
  expect(new Set(ended).size).toBe(ITEMS);
  expect(await milepost.verify()).toEqual([]);
});
