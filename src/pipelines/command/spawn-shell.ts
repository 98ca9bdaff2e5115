import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Starts `/bin/sh` in a session and process group of its own; its process id is then the group's.
 *
 * @throws the operating system's error if it cannot be started
 */
export async function spawnShell(
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess & { readonly pid: number }> {
  const shell = spawn("/bin/sh", args, { ...options, detached: true });
  // Without a process there may be no pipes either, whatever the types of Node say.
  if (!isStarted(shell)) throw (await once(shell, "error"))[0];
  return shell;
}

function isStarted(shell: ChildProcess): shell is ChildProcess & { readonly pid: number } {
  return shell.pid !== undefined;
}
