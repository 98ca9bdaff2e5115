import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Figures } from "../case.ts";

const CHANGE_EVERY_MS = 100;
/** Time for the last change to come to all. */
const SETTLE_MS = 1_000;

/** Makes ten changes a second while listeners in another process hear of them, and says how long that took and what it cost here. */
export async function underListeners(of: {
  readonly url: string;
  readonly authorization: string;
  readonly listeners: number;
  readonly seconds: number;
  /** Makes the change with this number, which must rise. */
  readonly change: (number: number) => void;
}): Promise<Figures> {
  const program = fileURLToPath(new URL("./listeners.js", import.meta.url));
  const heard = fork(program, [of.url, of.authorization, String(of.listeners)]);
  await once(heard, "message");
  const made: (readonly [number, number])[] = [];
  const before = process.cpuUsage();
  for (let number = 1; number <= (of.seconds * 1_000) / CHANGE_EVERY_MS; number++) {
    made.push([number, performance.timeOrigin + performance.now()]);
    of.change(number);
    await setTimeout(CHANGE_EVERY_MS);
  }
  const { user, system } = process.cpuUsage(before);
  await setTimeout(SETTLE_MS);
  heard.send(made);
  const [figures] = (await once(heard, "message")) as [Figures];
  if (figures.delivered !== 1) throw new Error(`${figures.delivered} of the changes came; all must`);
  return { ...figures, cpuMsPerChange: (user + system) / 1_000 / made.length };
}
