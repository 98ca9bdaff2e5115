import { performance } from "node:perf_hooks";
import type { Clock, Timer } from "../ports/clock.ts";

// hrtime is the system's monotonic clock, which all processes of the machine share; performance.now() starts with each process.
const monotonicOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** The machine's clock. A delay of 0 waits for the work at hand and the I/O that is ready, not for a timer tick. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() + monotonicOffsetMs,
  after(delayMs: number, task: () => void, { isIdle = false } = {}): Timer {
    if (delayMs <= 0) {
      const immediate = setImmediate(task);
      return { cancel: () => clearImmediate(immediate) };
    }
    // Node's timers overflow past 2^31 - 1 ms and would fire at once.
    const timer = setTimeout(task, Math.min(delayMs, 2_147_483_647));
    if (isIdle) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
