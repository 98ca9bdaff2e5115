import { fork } from "node:child_process";
import { once } from "node:events";
import type { Figures } from "../case.ts";
import { measureStarts } from "./idle.ts";

/** Idle start with the worker in another process on the same file. */
export function measure(input: { path: string; samples: number }): Promise<Figures> {
  return measureStarts(input, async (_milepost, onStart) => {
    const worker = fork(new URL(`./idle-worker.js`, import.meta.url), [input.path]);
    await once(worker, "message");
    worker.on("message", (at) => onStart(BigInt(String(at))));
    return {
      stop: async () => {
        const ended = once(worker, "exit");
        worker.disconnect();
        await ended;
      },
    };
  });
}
