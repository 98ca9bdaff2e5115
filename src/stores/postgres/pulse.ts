import { Worker } from "node:worker_threads";
import type { Pulse } from "../../ports/store.ts";
import type { PulseMessage, PulseSetup } from "./pulse-thread.ts";

/** The thread's file lies beside this one, as source in a checkout and compiled in the package. */
const THREAD = new URL(`./pulse-thread${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/**
 * Starts a thread that renews a session's lease until it is stopped. It keeps no process alive. `onLost` is called once,
 * when the session is there no more or the thread itself broke down.
 */
export function startPulse(setup: PulseSetup, onLost: () => void): Pulse {
  const thread = new Worker(THREAD, { workerData: setup, stdout: false, stderr: false });
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
