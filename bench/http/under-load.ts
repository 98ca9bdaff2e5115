import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Figures } from "../case.ts";

/** Loads a server of this process from another one, and says what it did and what that cost this process. */
export function underLoad(of: {
  readonly url: string;
  readonly cookie: string;
  readonly connections: number;
  readonly seconds: number;
}): Promise<Figures> {
  const load = fork(fileURLToPath(new URL("./load.js", import.meta.url)), [
    of.url,
    of.cookie,
    String(of.connections),
    String(of.seconds),
  ]);
  return new Promise((resolve, reject) => {
    let before = process.cpuUsage();
    load.on("message", (message) => {
      if (message === "begin") {
        before = process.cpuUsage();
        return;
      }
      const { answers, perSecond } = message as { readonly answers: number; readonly perSecond: number };
      const { user, system } = process.cpuUsage(before);
      resolve({ perSecond, perCpuSecond: answers / ((user + system) / 1e6) });
    });
    load.once("exit", (status) => reject(new Error(`the load ended with status ${status} and no figures`)));
  });
}
