import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Batch, type BatchSnapshot, type Milepost, openMilepost } from "../../../src/index.ts";
import { SILENT } from "../../../src/ports/logger.ts";
import { Child, type ChildOptions } from "./child.ts";
import type { Scene } from "./fault.ts";

/** The name of the store in a scene's folder. */
export const STORE = "work.db";

/** Opens the engine on the scene's store; closed with the scene. */
export async function openIn(scene: Scene, store = scene.path(STORE)): Promise<Milepost> {
  const milepost = await openMilepost(store, { logger: SILENT });
  scene.afterwards(() => milepost.close());
  return milepost;
}

/** Starts a worker process on the scene's store and waits until it works. */
export async function startWorker(
  scene: Scene,
  options: { readonly concurrency?: number; readonly leaseMs?: number } & ChildOptions = {},
): Promise<Child> {
  const { concurrency = 1, leaseMs = 1_000, ...rest } = options;
  const args = [scene.path(STORE), scene.folder, String(concurrency), String(leaseMs)];
  const child = Child.script(scene, "worker.ts", args, rest);
  await child.until(({ stdout }) => stdout.includes("working"));
  return child;
}

/** Lets the handlers go on that wait for the file `gate`. */
export function openGate(scene: Scene, gate: string): void {
  writeFileSync(scene.path(gate), "");
}

/** What the handlers of all workers noted, a line each: `start <key> <pid>`, `end <key> <pid>`. */
export function ledger(scene: Scene): readonly string[] {
  const path = scene.path("ledger.txt");
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
}

/** Resolves as soon as a snapshot of the batch is as wanted. */
export async function until(batch: Batch, isReached: (snapshot: BatchSnapshot) => boolean): Promise<void> {
  for await (const snapshot of batch.watch({ everyMs: 5 })) if (isReached(snapshot)) return;
}

/** Asks a worker to stop, and waits for it. */
export async function stopWorker(child: Child): Promise<void> {
  child.signal("SIGTERM");
  if (child.process.exitCode === null && child.process.signalCode === null) await once(child.process, "exit");
}
