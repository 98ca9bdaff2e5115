import { Writable } from "node:stream";
import type { StopSignal } from "../../../src/cli/exit-status.ts";
import type { Io } from "../../../src/cli/io.ts";
import { main } from "../../../src/cli/main.ts";
import { systemClock } from "../../../src/platform/system-clock.ts";
import type { CliResult } from "./run-cli.ts";

class Captured extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs a command line inside this process, without terminal, signals or environment. */
export async function callMain(args: readonly string[], cwd: string): Promise<CliResult> {
  const stdout = new Captured();
  const stderr = new Captured();
  const io: Io = {
    stdin: (async function* (): AsyncGenerator<string> {})(),
    stdout,
    stderr,
    env: {},
    cwd,
    clock: systemClock,
    onSignal: (_listener: (signal: StopSignal) => void) => () => {},
    exit: (status) => {
      throw new Error(`exit ${status}`);
    },
  };
  const status = await main(args, io);
  return { status, stdout: stdout.text, stderr: stderr.text };
}
