import { setImmediate, setTimeout } from "node:timers/promises";
import { ManualClock } from "../../src/testing/manual-clock.ts";

/** A step no longer than what the engine repeats most often, so that nothing it does is late by more. */
const STEP_MS = 50;

/** What takes longer by the clock waits for a thread or a disk, which need time of the world. */
const SOON_MS = 10_000;
/** What takes longer still never ends. */
const LONG_MS = 1_000_000;

/** A clock by hand, and the work of engines that follow it. */
export class ManualTime {
  readonly clock = new ManualClock();

  /** Lets time pass, and each thing that falls due be done before the next. */
  async pass(ms: number, stepMs = STEP_MS): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await settled();
    }
  }

  /** Lets time pass until `promise` has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = promise.finally(() => {
      isOver = true;
    });
    over.catch(() => {});
    await settled();
    for (let passed = 0; !isOver; passed += STEP_MS) {
      if (passed > LONG_MS) throw new Error("what was waited for does not come");
      if (passed > SOON_MS) await setTimeout(1);
      await this.pass(STEP_MS);
    }
    return over;
  }

  /** Work of so many milliseconds. */
  work(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }
}

/** Resolves when what can be done without time is done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}
