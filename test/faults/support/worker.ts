/**
 * A worker process whose items misbehave as their input says:
 * `node worker.ts <store> <folder> <concurrency> <leaseMs>`. Each start of a handler is a line `start <key> <pid>` in the
 * folder's ledger, each end `end <key> <pid>`.
 */
import { EventEmitter } from "node:events";
import { appendFileSync, existsSync, watch } from "node:fs";
import { join } from "node:path";
import { openMilepost } from "../../../src/index.ts";

const [store = "", folder = "", concurrency = "1", leaseMs = "1000"] = process.argv.slice(2);
const note = (what: string, key: string): void =>
  appendFileSync(join(folder, "ledger.txt"), `${what} ${key} ${process.pid}\n`);

const MISBEHAVIOURS: Readonly<Record<string, () => unknown>> = {
  fine: () => {},
  exit: () => process.exit(3),
  abort: () => process.abort(),
  memory: exhaustMemory,
  unhandled: () => {
    void Promise.reject(new Error("nobody waits for this"));
    return new Promise(() => {});
  },
  "timer-throw": () => {
    setTimeout(() => {
      throw new Error("a timer throws");
    });
    return new Promise(() => {});
  },
  emitter: () => {
    setImmediate(() => new EventEmitter().emit("error", new Error("nobody listens")));
    return new Promise(() => {});
  },
};

const milepost = await openMilepost(store);
milepost.pipeline("work", async (item, step) => {
  note("start", item.key);
  const { act = "fine", gate = null, blockMs = 0 } = item.input as { act?: string; gate?: string; blockMs?: number };
  step.progress(1, 4);
  if (gate !== null) await opened(gate, step.signal);
  block(blockMs);
  step.progress(3, 4);
  await MISBEHAVIOURS[act]?.();
  note("end", item.key);
  return { by: process.pid };
});
await milepost.work({ concurrency: Number(concurrency), leaseMs: Number(leaseMs) });
process.stdout.write("working\n");
process.on("SIGTERM", () => void milepost.close());

/** Resolves when the file `name` is there, or the attempt is aborted. */
function opened(name: string, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!existsSync(join(folder, name)) && !abort.aborted) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(folder, look);
    abort.addEventListener("abort", look, { once: true });
    look();
  });
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

function exhaustMemory(): void {
  const kept: string[][] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => `entry ${index} ${kept.length}`));
}
