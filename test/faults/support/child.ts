import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Scene } from "./fault.ts";

const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

export interface ChildOptions {
  /** Limits set by the shell's `ulimit` before the program starts: `{ "-n": 64 }`. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Given to Node before the program. */
  readonly nodeArgs?: readonly string[];
  /** A user and group to run as; needs root. */
  readonly user?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs it somewhere else: `["ip", "netns", "exec", "name"]`. */
  readonly within?: readonly string[];
}

export interface ChildEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Those that run now. Frozen ones hear no other signal, so they are killed with this process, however it ends. */
const RUNNING = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of RUNNING) child.kill("SIGKILL");
});

/** A Node process of a scene: its output so far, and its end. Killed with the scene. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<ChildEnd>;
  stdout = "";
  stderr = "";
  #waiting: (() => void)[] = [];
  #end: ChildEnd | null = null;

  private constructor(scene: Scene, args: readonly string[], options: ChildOptions) {
    const command = [...(options.within ?? []), process.execPath, ...(options.nodeArgs ?? []), ...args];
    const limits = Object.entries(options.limits ?? {}).map(([flag, value]) => `ulimit ${flag} ${value} && `);
    const shell = ["-c", `${limits.join("")}exec "$@"`, "sh", ...command];
    this.process = spawn("/bin/sh", shell, {
      cwd: scene.folder,
      env: { ...process.env, MILEPOST_STORE: "", NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
    });
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    RUNNING.add(this.process);
    this.ended = once(this.process, "close").then(([status, signal]) => {
      RUNNING.delete(this.process);
      this.#end = { status, signal };
      this.#wake();
      return this.#end;
    });
    scene.afterwards(async () => {
      this.process.kill("SIGKILL");
      await this.ended;
    });
  }

  /** Runs a script of `test/faults/support`. */
  static script(scene: Scene, name: string, args: readonly string[], options: ChildOptions = {}): Child {
    return new Child(scene, [join(import.meta.dirname, name), ...args], options);
  }

  /** Runs the command line in the scene's folder. */
  static milepost(scene: Scene, args: readonly string[], options: ChildOptions = {}): Child {
    return new Child(scene, [MAIN, ...args], options);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** Resolves as soon as `isSeen` holds for the output; throws if the process ends before. */
  async until(isSeen: (child: Child) => boolean): Promise<void> {
    while (!isSeen(this)) {
      if (this.#end !== null) throw new Error(`the process ended too early: ${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
