/**
 * A worker of a cluster: `node cluster-worker.ts <store> <folder> <concurrency> <leaseMs>`. It converts images, and items of the
 * pipeline `nothing`, which do nothing but leave lines in a ledger of the process in the folder: `start <batch> <key> <time>`, then
 * `end …` or `abort …`.
 */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openMilepost } from "../../../src/index.ts";
import { imagesPipeline } from "../../../src/pipelines/images/images-pipeline.ts";
import { SILENT } from "../../../src/ports/logger.ts";

const [store = "", folder = "", concurrency = "1", leaseMs = "1000"] = process.argv.slice(2);
const ledger = openSync(join(folder, `ledger-${process.pid}-${Date.now()}.txt`), "a");
const milepost = await openMilepost(store, { logger: SILENT });
milepost.pipeline(imagesPipeline());
milepost.pipeline("nothing", async (item, step) => {
  const note = (what: string): void => void writeSync(ledger, `${what} ${item.batch.id} ${item.key} ${Date.now()}\n`);
  note("start");
  step.signal.addEventListener("abort", () => note("abort"), { once: true });
  const { ms = 0 } = (item.input ?? item.batch.options ?? {}) as { ms?: number };
  if (ms > 0) await setTimeout(ms, undefined, { signal: step.signal });
  note("end");
});
const worker = await milepost.work({ concurrency: Number(concurrency), leaseMs: Number(leaseMs), abortGraceMs: 1_000 });
process.on("SIGTERM", () => void milepost.close());
process.stdout.write("working\n");
void worker.failed().then((error) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
