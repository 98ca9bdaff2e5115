import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";
import { type CommandAttempt, type CommandObserver, signalNumber } from "../pipelines/command/command-pipeline.ts";
import type { Clock } from "../ports/clock.ts";
import { shellQuote } from "./shell-quote.ts";

/** The columns of GNU parallel's `--joblog` (parallel(1)). */
const HEADER = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/**
 * A log of commands in the format of GNU parallel: a line for each attempt, appended when its program has ended.
 *
 * Seq is the item's number in the batch, Host is `:` (this machine), times are seconds, Receive counts the bytes of stdout,
 * Exitval is -1 and Signal 15 where the attempt was stopped, timed out or taken away. Command can be pasted into a shell.
 */
export class JobLog implements Disposable {
  readonly #file: number;
  readonly #clock: Clock;

  private constructor(file: number, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /**
   * Opens the log to go on with it, or makes it.
   *
   * @throws {MilepostError} `INVALID_ARGUMENT` for a file that cannot be written or is something else
   */
  static open(path: string, clock: Clock): JobLog {
    let file: number;
    try {
      file = openSync(path, "a+");
    } catch (error) {
      throw new MilepostError("INVALID_ARGUMENT", `cannot write the job log ${escapeText(path)}`, { cause: error });
    }
    const start = Buffer.alloc(HEADER.length);
    const bytes = readSync(file, start, 0, start.length, 0);
    if (bytes === 0) writeFileSync(file, HEADER);
    else if (start.toString("latin1", 0, bytes) !== HEADER) {
      closeSync(file);
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `${escapeText(path)} is there already and is no job log; it was left as it is, name another file`,
      );
    }
    return new JobLog(file, clock);
  }

  /** Follows one attempt and writes its line. */
  observe({ n, argv }: CommandAttempt): CommandObserver {
    const startedAt = this.#clock.now();
    const startedMs = this.#clock.monotonic();
    let received = 0;
    return {
      output: (stream, chunk) => {
        if (stream === "stdout") received += chunk.length;
      },
      ended: ({ exitStatus, signal, isAborted }) => {
        const seconds = ((this.#clock.monotonic() - startedMs) / 1_000).toFixed(3).padStart(10);
        const end = isAborted ? [-1, 15] : [exitStatus ?? 0, signalNumber(signal)];
        const command = argv.map(shellQuote).join(" ");
        const columns = [n, ":", (startedAt / 1_000).toFixed(3), seconds, 0, received, ...end, command];
        writeFileSync(this.#file, `${columns.join("\t")}\n`);
      },
    };
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
