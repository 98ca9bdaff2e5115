import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Argv } from "./compile-command.ts";
import { OutputSplitter } from "./output-splitter.ts";
import type { ProcessGuard } from "./process-guard.ts";
import { spawnShell } from "./spawn-shell.ts";

/** How a program ended: with a status as a shell gives it, or by a signal that ended its launcher too. */
export interface ProgramEnd {
  readonly exitStatus: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True: the run was aborted before it had ended. */
  readonly isAborted: boolean;
}

export interface Launch {
  /** The program is an absolute path. */
  readonly argv: Argv;
  /** An absolute path. */
  readonly cwd: string;
  /** Ends the program and everything it started: SIGTERM, and SIGKILL if that does not help in time. */
  readonly signal: AbortSignal;
  /** Must not throw. */
  readonly onOutput: (stream: Stream, chunk: Buffer) => void;
}

export type Stream = "stdout" | "stderr";

/**
 * The first lines of the shell's input; every further one is a call of `run`. After each, a mark with its status goes to both
 * outputs, so that we know where the output of one command ends. No variable is set: one of the same name may be in the
 * environment and would be passed on.
 */
function prologue(mark: string): string {
  return `mark() { printf '\\000${mark} %s\\n' "$1"; }
run() {
  cd "$1" && shift && "$@" </dev/null
  set -- "$?"
  mark "$1"; mark "$1" >&2
}
`;
}

/** Shorter than the time after which the engine leaves an aborted handler behind. */
const KILL_AFTER_MS = 3_000;

/**
 * A small shell that starts programs, one at a time, in a session and process group of its own.
 *
 * Node starts a process by copying itself, which takes milliseconds of its only thread and more the larger it has grown; a
 * shell does it in a fraction, beside it. A program that is aborted takes its launcher with it: the whole group is killed.
 *
 * ```
 * idle ──run()──▶ running ──(marks)──▶ idle
 *                    │ abort, or the shell itself was killed
 *                    └─▶ doomed ──(group is gone)──▶ dead
 * ```
 */
export class Launcher {
  readonly #shell: ChildProcess;
  readonly #group: number;
  readonly #guard: ProcessGuard;
  readonly #stdin: Socket;
  readonly #outputs: Readonly<Record<Stream, Socket>>;
  readonly #splitters: Readonly<Record<Stream, OutputSplitter>>;
  #launch: Launch | null = null;
  #resolve: ((end: ProgramEnd) => void) | null = null;
  #marks = 0;
  #isDoomed = false;
  #killTimer: NodeJS.Timeout | null = null;

  /** @throws the operating system's error where not even a shell can be started */
  static async start(env: Readonly<Record<string, string | undefined>>, guard: ProcessGuard): Promise<Launcher> {
    const shell = await spawnShell(["-s"], { env: env as NodeJS.ProcessEnv, stdio: "pipe" });
    const launcher = new Launcher(shell, shell.pid, guard);
    try {
      await guard.add(shell.pid);
    } catch (error) {
      launcher.#doom("SIGKILL");
      throw error;
    }
    return launcher;
  }

  private constructor(shell: ChildProcess, group: number, guard: ProcessGuard) {
    const mark = randomUUID();
    this.#shell = shell;
    this.#group = group;
    this.#guard = guard;
    // Its pipes are sockets, which the types of Node do not tell.
    const [stdin, stdout, stderr] = shell.stdio as unknown as readonly [Socket, Socket, Socket];
    this.#stdin = stdin;
    this.#outputs = { stdout, stderr };
    this.#splitters = { stdout: new OutputSplitter(mark), stderr: new OutputSplitter(mark) };
    stdout.on("data", (chunk: Buffer) => this.#take("stdout", chunk));
    stderr.on("data", (chunk: Buffer) => this.#take("stderr", chunk));
    stdin.on("error", () => {});
    stdin.write(prologue(mark));
    shell.on("close", (_status, signal) => this.#bury(signal));
  }

  /** False: it is of no use any more. */
  get isUsable(): boolean {
    return !this.#isDoomed;
  }

  /** Runs one command to its end. What it left running in the background is not waited for. */
  run(launch: Launch): Promise<ProgramEnd> {
    const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
    this.#launch = launch;
    this.#resolve = resolve;
    this.#marks = 0;
    for (const part of this.#parts) part.ref();
    this.#stdin.write(`run ${[launch.cwd, ...launch.argv].map(quote).join(" ")}\n`);
    if (launch.signal.aborted) this.#abort();
    else launch.signal.addEventListener("abort", this.#abort, { once: true });
    return promise;
  }

  #take(stream: Stream, chunk: Buffer): void {
    const { output, status } = this.#splitters[stream].add(chunk);
    if (output.length > 0) this.#launch?.onOutput(stream, output);
    if (status === null) return;
    this.#marks += 1;
    if (this.#marks === 2) this.#settle({ exitStatus: status, signal: null, isAborted: false });
  }

  readonly #abort = (): void => {
    this.#doom("SIGTERM");
    this.#killTimer = setTimeout(() => {
      this.#signalGroup("SIGKILL");
      // A program that left the group may hold the outputs open.
      for (const output of Object.values(this.#outputs)) output.destroy();
    }, KILL_AFTER_MS);
  };

  #doom(signal: "SIGTERM" | "SIGKILL"): void {
    this.#isDoomed = true;
    this.#signalGroup(signal);
  }

  /** Nothing of the group has its outputs open any more. */
  #bury(signal: NodeJS.Signals | null): void {
    if (this.#isDoomed) this.#signalGroup("SIGKILL");
    this.#isDoomed = true;
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#guard.remove(this.#group);
    const isAborted = this.#launch?.signal.aborted === true;
    this.#settle({ exitStatus: null, signal: signal ?? "SIGKILL", isAborted });
  }

  #settle(end: ProgramEnd): void {
    this.#launch?.signal.removeEventListener("abort", this.#abort);
    this.#resolve?.(end);
    this.#launch = null;
    this.#resolve = null;
    // While it is idle it does not keep this process; when that ends, so does the shell's input, and with it the shell.
    for (const part of this.#parts) part.unref();
  }

  get #parts(): readonly { ref(): unknown; unref(): unknown }[] {
    return [this.#shell, this.#stdin, ...Object.values(this.#outputs)];
  }

  #signalGroup(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      process.kill(-this.#group, signal);
    } catch {
      // ESRCH: nothing of it runs any more.
    }
  }
}

/** To a shell, a quoted word is a word and nothing else. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
