/**
 * A worker process for tests: `node work-on.ts <store> <folder> <concurrency> <leaseMs>`. Each item appends a line to a ledger of the
 * process in `folder` when it starts and when it ends, and runs until the file `go` is there or it is aborted.
 */
import { appendFileSync, existsSync, watch } from "node:fs";
import { join } from "node:path";
import { openMilepost } from "../../src/index.ts";

const [store = "", folder = "", concurrency = "1", leaseMs = "1000"] = process.argv.slice(2);
const ledger = join(folder, `ledger-${process.pid}.txt`);
const milepost = await openMilepost(store);

milepost.pipeline("gated", async (item, step) => {
  appendFileSync(ledger, `start ${item.key}\n`);
  await opened(step.signal);
  appendFileSync(ledger, `${step.signal.aborted ? "aborted" : "end"} ${item.key}\n`);
  step.signal.throwIfAborted();
});
await milepost.work({ concurrency: Number(concurrency), leaseMs: Number(leaseMs) });
process.stdout.write("working\n");
process.on("SIGTERM", () => void milepost.close());

function opened(signal: AbortSignal): Promise<void> {
  const gate = join(folder, "go");
  return new Promise((resolve) => {
    const look = (): void => {
      if (!existsSync(gate) && !signal.aborted) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(folder, look);
    signal.addEventListener("abort", look, { once: true });
    look();
  });
}
