import type { Writable } from "node:stream";
import type { Clock } from "../ports/clock.ts";
import type { StopSignal } from "./exit-status.ts";

/** Where output goes. On a terminal it has a size, which may change. */
export type OutputStream = Pick<Writable, "write" | "on" | "off"> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Columns of a terminal. One that does not know its size (a serial line, `script`, some containers) says 0: then the usual 80. */
export function columnsOf({ columns }: OutputStream): number {
  return columns || 80;
}

/** An error that nobody caught: thrown in a timer, a rejection that nobody waited for. The process is not to be trusted any more. */
export interface Crash {
  readonly error: unknown;
}

/** Everything the command line touches outside the store and the file system; tests pass their own. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. Relative paths are taken from here. */
  readonly cwd: string;
  readonly clock: Clock;
  /** Calls `listener` for each signal that asks to stop, and for each error that nobody caught, until the returned function is called. */
  onSignal(listener: (cause: StopSignal | Crash) => void): () => void;
  /** Ends the process at once, without waiting for anything. */
  exit(status: number): void;
}
