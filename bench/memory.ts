import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** What the allocator gives back after garbage collection comes back within this time. */
const SETTLE_MS = 1_000;

/** The most memory (RSS) that this process ever had. */
export function peakBytes(): number {
  // On Linux `maxRSS` starts at the size of the process that forked this one; the kernel's own mark does not.
  if (process.platform === "linux") {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (found !== null) return Number(found[1]) * 1_024;
  }
  return process.resourceUsage().maxRSS * 1_024;
}

/** The memory (RSS) that stays once all garbage is gone. */
export async function settledBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error("start the process with --expose-gc");
  globalThis.gc();
  await sleep(SETTLE_MS);
  globalThis.gc();
  return process.memoryUsage().rss;
}
