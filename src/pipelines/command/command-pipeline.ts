import { MilepostError, NoRetryError } from "../../core/errors.ts";
import { ordinalOf } from "../../core/ids.ts";
import type { Json } from "../../core/json.ts";
import type { HandlerItem, PipelineDefinition, Step } from "../../engine/pipeline.ts";
import { failedCommand, missingProgram } from "./command-errors.ts";
import { COMMAND_LIMITS, type CommandOptions, toCommandOptions } from "./command-options.ts";
import { type Argv, type CompiledCommand, compileCommand } from "./compile-command.ts";
import { findProgram } from "./find-program.ts";
import type { Launch, ProgramEnd, Stream } from "./launcher.ts";
import { LauncherPool } from "./launcher-pool.ts";
import { OutputProgress } from "./output-progress.ts";
import { OutputTail } from "./output-tail.ts";
import { valuesOf } from "./placeholders.ts";
import { signalBehind } from "./shell-note.ts";

export { type CommandOptions, toCommandOptions } from "./command-options.ts";
export { compileCommand } from "./compile-command.ts";
export { findProgram } from "./find-program.ts";
export type { ProgramEnd } from "./launcher.ts";
export { signalNumber } from "./shell-note.ts";

/** What the item of a command that succeeded has as its output. */
export type CommandOutput = {
  readonly exitStatus: 0;
  /** The last bytes of stdout as text. */
  readonly stdout: string;
};

/** One attempt as those see it who follow what runs: a log, a printer. */
export interface CommandAttempt {
  readonly item: HandlerItem;
  /** The item's place in its batch, from 1 on. */
  readonly n: number;
  readonly argv: Argv;
}

/** Told of one attempt while it runs. What it throws makes the attempt fail when the program has ended, and it is told no more. */
export interface CommandObserver {
  output(stream: Stream, chunk: Buffer): void;
  /** After the program has ended and before the item is recorded: after a crash in between, it is run and told again. */
  ended(end: ProgramEnd): void | Promise<void>;
}

interface Parts {
  /** The environment of the commands. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly observe?: (attempt: CommandAttempt) => CommandObserver;
}

/**
 * The pipeline `command`: each item is a text, the batch's options are `CommandOptions`, and an item is done when the command
 * that it was put into has ended with status 0. Any other end is an error that may be tried again (`failedCommand`).
 *
 * No shell reads the command unless asked for. It runs with an empty standard input in a process group, which is killed when
 * the attempt is aborted or this process dies. Its output tells progress (`OutputProgress`). An item's
 * input may be `{ env: { NAME: "value" } }`, added to the environment. The item's output is a `CommandOutput`.
 */
export function commandPipeline(parts: Parts): PipelineDefinition {
  const launchers = new LauncherPool(parts.env);
  // The worker keeps a batch's options while it runs the batch's items, so a command is compiled once.
  const compiled = new WeakMap<object, Compiled>();
  return {
    name: "command",
    // Where it runs and writes does not change how long it takes.
    alike: (options) => ({ ...(options as CommandOptions), cwd: null, out: null }),
    handler: async (item, step) => {
      const key = Object(item.batch.options);
      const known = compiled.get(key) ?? compile(item, parts.env.PATH);
      compiled.set(key, known);
      const { options, command } = known;
      const n = (ordinalOf(item.id) ?? 0) + 1;
      const argv = command.argv(valuesOf({ key: item.key, n, out: options.out ?? "" }));
      const observer = parts.observe?.({ item, n, argv });
      const path = known.path ?? findProgram(argv[0], { cwd: options.cwd, path: parts.env.PATH });
      if (path === null) throw missingProgram(argv[0]);
      const [, ...args] = argv;
      const program = withEnvironment([path, ...args], item.input);
      return await runCommand({ argv: program, cwd: options.cwd, launchers, observer, step });
    },
  };
}

interface Compiled {
  readonly options: CommandOptions;
  readonly command: CompiledCommand;
  /** The program's file; null if it depends on the item or was not there yet. */
  readonly path: string | null;
}

/** Checked at submission; where that was left out, another attempt cannot help. */
function compile(item: HandlerItem, searchPath: string | undefined): Compiled {
  try {
    const options = toCommandOptions(item.batch.options);
    const command = compileCommand(options);
    const { program } = command;
    const path = program === null ? null : findProgram(program, { cwd: options.cwd, path: searchPath });
    return { options, command, path };
  } catch (error) {
    if (!(error instanceof MilepostError)) throw error;
    throw new NoRetryError(error.message, { code: error.code, cause: error });
  }
}

async function runCommand(run: {
  readonly argv: Argv;
  readonly cwd: string;
  readonly launchers: LauncherPool;
  readonly observer: CommandObserver | undefined;
  readonly step: Step;
}): Promise<Json> {
  const { observer, step, argv, cwd } = run;
  const stdout = new OutputTail(COMMAND_LIMITS.stdoutTailBytes);
  const stderr = new OutputTail(COMMAND_LIMITS.stderrTailBytes);
  const progress = new OutputProgress(step);
  // Nobody is there to catch it while the program prints, so it is thrown when that has ended.
  const troubles: unknown[] = [];
  const onOutput: Launch["onOutput"] = (stream, chunk) => {
    (stream === "stdout" ? stdout : stderr).add(chunk);
    if (troubles.length > 0) return;
    try {
      progress.add(stream, chunk);
      observer?.output(stream, chunk);
    } catch (error) {
      troubles.push(error);
    }
  };
  const given = await run.launchers.run({ argv, cwd, signal: step.signal, onOutput });
  const end = readSignal(given, stderr);
  if (troubles.length > 0) throw troubles[0];
  await observer?.ended(end);
  if (end.exitStatus === 0) return { exitStatus: 0, stdout: stdout.text() } satisfies CommandOutput;
  step.signal.throwIfAborted();
  throw failedCommand(end, stderr.text());
}

function readSignal(end: ProgramEnd, stderr: OutputTail): ProgramEnd {
  const signal = end.exitStatus === null ? null : signalBehind(end.exitStatus, stderr);
  return signal === null ? end : { ...end, exitStatus: null, signal };
}

/** The command with the variables of its item in its environment. */
function withEnvironment(argv: Argv, input: Json): Argv {
  if (typeof input !== "object" || input === null || !("env" in input)) return argv;
  const { env } = input;
  if (typeof env !== "object" || env === null) return argv;
  return ["/usr/bin/env", ...Object.entries(env).map(([name, value]) => `${name}=${String(value)}`), ...argv];
}
