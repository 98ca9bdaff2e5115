import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";

/**
 * Reads `+<group>` and `-<group>` lines until its input ends, which it does when the process that started it is gone, then
 * kills every group that is left. `read` and `kill` are built into the shell: nothing is started for a line.
 */
const SCRIPT = `groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done`;

/**
 * Sees to it that no command outlives this process, however it ends: also by `kill -9` or a crash, when none of its own
 * code runs any more. A small shell in a session of its own watches and kills the process groups that are left.
 *
 * It cannot help where the watcher is killed too (a whole container, a power cut), nor against a program that
 * leaves its process group.
 */
export class ProcessGuard {
  #watcher: ChildProcess | null = null;

  /** From now on the group dies with this process. */
  add(group: number): void {
    this.#tell(`+ ${group}\n`);
  }

  /** The group has ended. */
  remove(group: number): void {
    this.#tell(`- ${group}\n`);
  }

  #tell(line: string): void {
    this.#watcher ??= startWatcher();
    this.#watcher.stdin?.write(line);
  }
}

function startWatcher(): ChildProcess {
  const watcher = spawn("/bin/sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  // Without it commands run all the same; only a crash would leave them behind.
  watcher.on("error", () => {});
  watcher.stdin?.on("error", () => {});
  watcher.unref();
  // A socket, which the types of Node do not tell. It must not keep this process.
  (watcher.stdin as Socket).unref();
  return watcher;
}
