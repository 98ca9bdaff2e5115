import { Writable } from "node:stream";
import type { StopSignal } from "../../../src/cli/exit-status.ts";
import type { Io } from "../../../src/cli/io.ts";
import { main } from "../../../src/cli/main.ts";
import { systemClock } from "../../../src/platform/system-clock.ts";
import type { CliResult } from "./run-cli.ts";

class Captured extends Writable {
  text = "";
  isTTY = false;
  columns = 80;
  rows = 24;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Runs a command line inside this process, without environment; stderr is a terminal if its size is given. `signal` comes at once. */
export async function callMain(
  args: readonly string[],
  cwd: string,
  terminal?: { readonly columns: number; readonly rows: number },
  signal?: StopSignal,
): Promise<CliResult> {
  const stdout = new Captured();
  const stderr = Object.assign(new Captured(), terminal === undefined ? {} : { isTTY: true, ...terminal });
  const io: Io = {
    stdin: (async function* (): AsyncGenerator<string> {})(),
    stdout,
    stderr,
    env: { NO_COLOR: "1" },
    cwd,
    clock: systemClock,
    onSignal(listener) {
      if (signal !== undefined) listener(signal);
      return () => {};
    },
    exit: (status) => {
      throw new Error(`exit ${status}`);
    },
  };
  const status = await main(args, io);
  return { status, stdout: stdout.text, stderr: stderr.text };
}
