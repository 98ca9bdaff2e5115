import type { Clock } from "../../src/ports/clock.ts";

/** The clock as a machine shows it: wall time in whole milliseconds, whatever happens between two of them. */
export function wholeClock(clock: Clock): Clock {
  return {
    now: () => Math.floor(clock.now()),
    monotonic: () => clock.monotonic(),
    after: (delayMs, task) => clock.after(delayMs, task),
  };
}
