import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The command line's program, to be run by Node. */
export const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** A command line that runs: its output so far, and its end. */
export class CliRun {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  stdout = "";
  stderr = "";
  #waiting: (() => void)[] = [];

  constructor(args: readonly string[], options: CliOptions) {
    const env = { ...process.env, MILEPOST_STORE: "", NO_COLOR: "1", ...options.env };
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd: options.cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdin?.on("error", () => {});
    this.child.stdin?.end(options.stdin ?? "");
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.ended = once(this.child, "close").then(([status]) => {
      this.#wake();
      return { status: typeof status === "number" ? status : null, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Resolves as soon as `isSeen` holds for the output; throws if the process ends before. */
  async until(isSeen: (run: CliRun) => boolean): Promise<void> {
    while (!isSeen(this)) {
      if (this.child.exitCode !== null)
        throw new Error(`ended with ${this.child.exitCode} before: ${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Runs the real command line in a process of its own, to its end. */
export function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return new CliRun(args, options).ended;
}

/** The lines of `text` that are JSON. */
export function jsonLines(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}
