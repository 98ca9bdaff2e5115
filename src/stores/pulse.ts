import { Worker } from "node:worker_threads";
import type { Pulse } from "../ports/pulse.ts";

/** What a thread that beats tells: its row is gone or the lease has lapsed unrenewed, or it can beat no more. */
export type PulseMessage = "beating" | "lost";

export interface PulseThread {
  /** Its file lies beside the one at this address, as source in a checkout and compiled in the package. */
  readonly beside: string;
  /** What it is started with. */
  readonly setup: object;
  readonly onLost: () => void;
}

/**
 * Starts a thread that renews a session's lease until it is stopped. It keeps no process alive. `onLost` is called once,
 * when the session is there no more or the thread itself broke down.
 */
export function startPulse({ beside, setup, onLost }: PulseThread): Pulse {
  const file = new URL(`./pulse-thread${beside.endsWith(".ts") ? ".ts" : ".js"}`, beside);
  const thread = new Worker(file, { workerData: setup, stdout: false, stderr: false });
  thread.unref();
  let isOver = false;
  const lose = (): void => {
    if (isOver) return;
    isOver = true;
    onLost();
  };
  thread.on("message", (message: PulseMessage) => {
    if (message === "lost") lose();
  });
  thread.on("error", lose);
  const ended = new Promise<void>((done) => {
    thread.once("exit", () => {
      done();
      lose();
    });
  });
  return {
    async stop(): Promise<void> {
      if (!isOver) {
        isOver = true;
        thread.postMessage("stop");
      }
      // The thread is waited for, so while it ends it may hold the process.
      thread.ref();
      await ended;
    },
  };
}
