import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";
import { systemClock } from "../platform/system-clock.ts";
import { Cli } from "./cli.ts";
import { EXIT, exitStatusOf, SIGNAL_STATUS, type StopSignal } from "./exit-status.ts";
import type { Io, OutputStream } from "./io.ts";
import { buildProgram } from "./program.ts";

/**
 * Runs one command line and returns the exit status. Errors are one line on stderr, never a stack, unless MILEPOST_DEBUG is set.
 *
 * @param argv the words after `milepost`
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const cli = new Cli(io, argv);
  const output = watchOutput(io);
  try {
    await buildProgram(cli, readVersion()).parseAsync(argv, { from: "user" });
  } catch (error) {
    cli.status = failedWith(io, error);
  } finally {
    await output.flushed();
  }
  return output.status() ?? cli.status;
}

function failedWith(io: Io, error: unknown): number {
  // Help and version end by an error with status 0; what was wrong was printed already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.DONE : EXIT.WRONG_USE;
  const message = error instanceof Error ? error.message : String(error);
  const isExpected = error instanceof MilepostError;
  const text = isExpected ? message : `unexpected error: ${message}; set MILEPOST_DEBUG=1 to see where`;
  io.stderr.write(`milepost: ${escapeText(text)}\n`);
  if (io.env.MILEPOST_DEBUG && error instanceof Error) io.stderr.write(`${error.stack ?? ""}\n`);
  return exitStatusOf(error);
}

/**
 * Notices when stdout cannot take more. A reader that went away (`| head -1`) ends the process at once and quietly; a full
 * disk is an error of its own.
 */
function watchOutput(io: Io): { flushed(): Promise<void>; status(): number | null } {
  let status: number | null = null;
  io.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") {
      io.exit(EXIT.PIPE);
      return;
    }
    if (status === null) io.stderr.write(`milepost: cannot write the output (${error.code ?? error.message})\n`);
    status = EXIT.WORK_FAILED;
  });
  // Where stderr is gone there is nobody left to tell.
  io.stderr.on("error", () => {});
  return {
    flushed: () => new Promise((resolve) => void io.stdout.write("", () => resolve())),
    status: () => status,
  };
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}

/** The real process as the command line sees it. */
function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout as OutputStream,
    stderr: process.stderr as OutputStream,
    env: process.env,
    cwd: process.cwd(),
    clock: systemClock,
    onSignal(listener) {
      const off = (Object.keys(SIGNAL_STATUS) as StopSignal[]).map((signal) => {
        const handler = (): void => listener(signal);
        process.on(signal, handler);
        return (): void => void process.off(signal, handler);
      });
      const onCrash = (error: unknown): void => listener({ error });
      process.on("uncaughtException", onCrash);
      return () => {
        process.off("uncaughtException", onCrash);
        for (const remove of off) remove();
      };
    },
    exit: (status) => process.exit(status),
  };
}

/** Runs the command line of this process. What `bin/milepost.js` calls. */
export async function runProcess(): Promise<void> {
  const status = await main(process.argv.slice(2), processIo());
  process.exitCode = status;
}

if (import.meta.main) await runProcess();
