import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { OutputSplitter } from "./output-splitter.ts";
import type { ProcessGuard } from "./process-guard.ts";

/** How a program ended: with a status, or by a signal. */
export interface ProgramEnd {
  readonly exitStatus: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True: the run was aborted before it had ended. */
  readonly isAborted: boolean;
}

export interface Launch {
  /** A simple command, quoted for sh, without line breaks (`toShellLine`). */
  readonly line: string;
  /** Ends the program and everything it started: SIGTERM, and SIGKILL if that does not help in time. */
  readonly signal: AbortSignal;
  readonly onOutput: (stream: Stream, chunk: Buffer) => void;
}

export type Stream = "stdout" | "stderr";

/**
 * Runs the lines of its input one after the other. After each, a mark with its status goes to both of its outputs, so that
 * we know where the output of one command ends. Its variables have names that no environment has, or they would be passed on.
 */
const SCRIPT = `MILEPOST_NEWLINE='
'
while IFS= read -r MILEPOST_LINE; do
  eval "$MILEPOST_LINE" </dev/null
  MILEPOST_STATUS=$?
  printf '\\000%s %s\\n' "$0" "$MILEPOST_STATUS"
  printf '\\000%s %s\\n' "$0" "$MILEPOST_STATUS" >&2
done`;

/** Shorter than the time after which the engine leaves an aborted handler behind. */
const KILL_AFTER_MS = 3_000;

/**
 * A small shell that starts programs, one at a time, in a session and process group of its own.
 *
 * Node starts a process by copying itself, which takes milliseconds of its only thread and more the larger it has grown; a
 * shell does it in a fraction, beside it. A program that is aborted takes its launcher with it: the whole group is killed.
 *
 * ```
 * idle ──run()──▶ running ──(mark)──▶ idle
 *                    │ abort, or the shell itself was killed
 *                    └─▶ doomed ──(group is gone)──▶ dead
 * ```
 */
export class Launcher {
  readonly #shell: ChildProcess & Readonly<Record<"stdin" | Stream, Socket>>;
  readonly #guard: ProcessGuard;
  readonly #splitters: Readonly<Record<Stream, OutputSplitter>>;
  #launch: Launch | null = null;
  #end: { resolve(end: ProgramEnd): void; reject(error: unknown): void } | null = null;
  #marks = 0;
  #isDoomed = false;
  #killTimer: NodeJS.Timeout | null = null;

  constructor(options: { readonly env: Readonly<Record<string, string | undefined>>; readonly guard: ProcessGuard }) {
    const mark = randomUUID();
    this.#guard = options.guard;
    this.#splitters = { stdout: new OutputSplitter(mark), stderr: new OutputSplitter(mark) };
    // Its pipes are sockets, which the types of Node do not tell.
    this.#shell = spawn("/bin/sh", ["-c", SCRIPT, mark], {
      env: options.env as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    }) as ChildProcess & Readonly<Record<"stdin" | Stream, Socket>>;
    if (this.#shell.pid !== undefined) this.#guard.add(this.#shell.pid);
    this.#shell.stdin.on("error", () => {});
    this.#shell.stdout.on("data", (chunk: Buffer) => this.#take("stdout", chunk));
    this.#shell.stderr.on("data", (chunk: Buffer) => this.#take("stderr", chunk));
    this.#shell.on("error", (error) => {
      this.#isDoomed = true;
      this.#end?.reject(error);
    });
    this.#shell.on("close", (_status, signal) => this.#bury(signal));
  }

  /** False: it is of no use any more. */
  get isUsable(): boolean {
    return !this.#isDoomed;
  }

  /**
   * Runs one command to its end. What it left running in the background is not waited for.
   *
   * @throws the operating system's error where not even a shell can be started
   */
  run(launch: Launch): Promise<ProgramEnd> {
    const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
    this.#launch = launch;
    this.#end = { resolve, reject };
    this.#marks = 0;
    for (const part of this.#parts) part.ref();
    this.#shell.stdin.write(`${launch.line}\n`);
    if (launch.signal.aborted) this.#abort();
    else launch.signal.addEventListener("abort", this.#abort, { once: true });
    return promise;
  }

  #take(stream: Stream, chunk: Buffer): void {
    const { output, status } = this.#splitters[stream].add(chunk);
    if (output.length > 0) this.#launch?.onOutput(stream, output);
    if (status === null) return;
    this.#marks += 1;
    if (this.#marks === 2) this.#settle(toProgramEnd(status));
  }

  readonly #abort = (): void => {
    this.#isDoomed = true;
    this.#signalGroup("SIGTERM");
    this.#killTimer = setTimeout(() => {
      this.#signalGroup("SIGKILL");
      // A program that left the group may hold the outputs open.
      this.#shell.stdout.destroy();
      this.#shell.stderr.destroy();
    }, KILL_AFTER_MS);
  };

  /** Nothing of the group has its outputs open any more. */
  #bury(signal: NodeJS.Signals | null): void {
    if (this.#isDoomed) this.#signalGroup("SIGKILL");
    this.#isDoomed = true;
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    if (this.#shell.pid !== undefined) this.#guard.remove(this.#shell.pid);
    const isAborted = this.#launch?.signal.aborted === true;
    this.#settle({ exitStatus: null, signal: signal ?? "SIGKILL", isAborted });
  }

  #settle(end: ProgramEnd): void {
    this.#launch?.signal.removeEventListener("abort", this.#abort);
    this.#end?.resolve(end);
    this.#launch = null;
    this.#end = null;
    // While it is idle it does not keep this process; when that ends, so does the shell's input, and with it the shell.
    for (const part of this.#parts) part.unref();
  }

  get #parts(): readonly { ref(): unknown; unref(): unknown }[] {
    const { stdin, stdout, stderr } = this.#shell;
    return [this.#shell, stdin, stdout, stderr];
  }

  #signalGroup(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#shell.pid === undefined) return;
    try {
      process.kill(-this.#shell.pid, signal);
    } catch {
      // ESRCH: nothing of it runs any more.
    }
  }
}

/** A shell says 128 and more for a signal. */
function toProgramEnd(status: number): ProgramEnd {
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const signal = names.find((name) => constants.signals[name] === status - 128) ?? null;
  return { exitStatus: signal === null ? status : null, signal, isAborted: false };
}

/** 15 for SIGTERM; 0 for none. */
export function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
