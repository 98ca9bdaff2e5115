/**
 * The process that runs the work of `milepost serve`: whatever decodes a stranger's file does it here, apart from the server.
 * It lives as long as the server does, and ends itself before it takes the machine's memory.
 */
import { MilepostError } from "../core/errors.ts";
import type { Worker } from "../engine/worker.ts";
import { openMilepost } from "../open-milepost.ts";
import { systemClock } from "../platform/system-clock.ts";
import type { Logger } from "../ports/logger.ts";
import { declarePipelines } from "./declare-pipelines.ts";
import type { WorkNews, WorkOrder } from "./work-messages.ts";

const GRACE_MS = 5_000;
const MEMORY_CHECK_MS = 250;

function tell(news: WorkNews): void {
  if (process.connected) process.send?.(news, () => {});
}

function logAt(level: "info" | "warn" | "error"): Logger["info"] {
  return (message, details = {}) => tell({ type: "log", level, message, details });
}

const logger: Logger = { info: logAt("info"), warn: logAt("warn"), error: logAt("error") };

/** What is over the limit dies like any other crash: the items that had started count it, and the one that keeps on doing it ends failed. */
function watchMemory(memoryBytes: number): void {
  systemClock.after(
    MEMORY_CHECK_MS,
    () => {
      const usedBytes = process.memoryUsage.rss();
      if (usedBytes <= memoryBytes) return watchMemory(memoryBytes);
      process.stderr.write(`milepost: the work took ${usedBytes} bytes of memory; the limit is ${memoryBytes}\n`);
      process.kill(process.pid, "SIGKILL");
    },
    { isIdle: true },
  );
}

async function work(order: Extract<WorkOrder, { type: "start" }>, stopped: Promise<void>): Promise<void> {
  await using milepost = await openMilepost(order.store, { mustExist: true, logger });
  declarePipelines(milepost, { io: { env: process.env } });
  const worker: Worker = await milepost.work({ concurrency: order.concurrency });
  tell({ type: "working" });
  try {
    await Promise.race([
      stopped,
      worker.drained().then(() => tell({ type: "drained" })),
      worker.failed().then((error) => {
        throw error;
      }),
    ]);
  } finally {
    await worker.stop({ graceMs: GRACE_MS });
  }
}

const stop = Promise.withResolvers<void>();
// Ctrl-C goes to all processes of a terminal: the server hears it too, and says when.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => stop.resolve());
process.on("disconnect", () => stop.resolve());
process.on("message", (order: WorkOrder) => {
  if (order.type === "stop") {
    stop.resolve();
    return;
  }
  watchMemory(order.memoryBytes);
  work(order, stop.promise).then(
    () => process.disconnect?.(),
    (error: unknown) => {
      const code = error instanceof MilepostError ? error.code : null;
      tell({ type: "gave-up", code, message: error instanceof Error ? error.message : String(error) });
      process.exitCode = 1;
      if (process.connected) process.disconnect();
    },
  );
});
