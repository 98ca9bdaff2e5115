import type { Socket } from "node:net";
import { spawnShell } from "./spawn-shell.ts";

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
  #watcher: Promise<Socket> | null = null;

  /**
   * From when it has returned on, the group dies with this process.
   *
   * @throws the operating system's error if the watcher cannot be started
   */
  async add(group: number): Promise<void> {
    this.#watcher ??= startWatcher();
    try {
      (await this.#watcher).write(`+ ${group}\n`);
    } catch (error) {
      this.#watcher = null;
      throw error;
    }
  }

  /** The group has ended. */
  remove(group: number): void {
    this.#watcher?.then((watcher) => watcher.write(`- ${group}\n`)).catch(() => {});
  }
}

/** The watcher's input. */
async function startWatcher(): Promise<Socket> {
  const watcher = await spawnShell(["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"] });
  // A socket, which the types of Node do not tell. Neither it nor the watcher must keep this process.
  const input = watcher.stdin as Socket;
  input.on("error", () => {});
  input.unref();
  watcher.unref();
  return input;
}
