import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

/** A server that peers run on: one that was named by its address, or one started for the time of the bench. */
export interface Server {
  readonly location: string;
  /** Its version and what is set, for the report. */
  readonly about: string;
  stop(): Promise<void>;
}

/** Thrown where no server can be had; the message says what to install or set. */
export class ServerMissing extends Error {}

/** What a program says of its version, or null where it is not installed. */
export function versionOf(program: string): string | null {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? (/\d+(\.\d+)+/.exec(stdout)?.[0] ?? "unknown") : null;
}

/**
 * Starts a server as a child of this process and waits until it says `ready`; returns what stops it and waits for its end.
 * @throws {ServerMissing} if it ends before, with what it said last.
 */
export async function startServer(
  program: string,
  args: readonly string[],
  options: Pick<SpawnOptions, "uid" | "gid" | "cwd"> & { readonly ready: string; readonly stopSignal: NodeJS.Signals },
): Promise<() => Promise<void>> {
  const { ready, stopSignal, ...spawnOptions } = options;
  const child = spawn(program, args, { ...spawnOptions, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  let last = "";
  const isReady = new Promise<true>((resolve) => {
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        last = line;
        if (line.includes(ready)) resolve(true);
      });
    }
  });
  const status = await Promise.race([isReady, ended]);
  if (status !== true) throw new ServerMissing(`${program} ended with status ${status}: ${last}`);
  return async () => {
    child.kill(stopSignal);
    await ended;
  };
}
