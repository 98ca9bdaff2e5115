import { mkdirSync, statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { MilepostError } from "../core/errors.ts";
import type { NewItem } from "../engine/submit.ts";
import { escapeText } from "../format/escape.ts";
import { type CommandAttempt, type CommandObserver, commandPipeline } from "../pipelines/command/command-pipeline.ts";
import { batchNameFrom } from "./batch-name.ts";
import type { Cli } from "./cli.ts";
import { collectFiles } from "./collect-files.ts";
import { CommandPrinter } from "./command-printer.ts";
import { Interrupt } from "./interrupt.ts";
import { JobLog } from "./job-log.ts";
import { planCommand } from "./plan-command.ts";
import { readNames } from "./read-names.ts";
import { submitBatch, workOn } from "./run-batch.ts";
import { endRun, planThen, thenBatchName } from "./run-then.ts";
import type { RunCommandOptions } from "./verbs/run-command.ts";

/**
 * Submits the items as a batch of commands, or finds the batch that the same command made before, and works on it until it has
 * ended or a signal comes. Everything that can be wrong with the call is found before anything is submitted or made.
 */
export async function runCommand(
  cli: Cli,
  command: string,
  words: readonly string[],
  options: RunCommandOptions,
): Promise<void> {
  if (options.print === true && options.json === true) {
    throw new MilepostError("INVALID_ARGUMENT", "--print and --json both write to stdout; choose one of them");
  }
  const out = resolve(cli.io.cwd, options.out);
  const commandOptions = planCommand(cli, { command, out, per: "item", shell: options.shell === true });
  const then = planThen(cli, { command: options.then, out, shell: options.shell === true });
  const items = await collectItems(cli, words, { ...options, out });
  using jobLog = options.joblog === undefined ? null : JobLog.open(resolve(cli.io.cwd, options.joblog), cli.io.clock);
  if (commandOptions.out !== null) makeFolder(commandOptions.out);

  await cli.withStore({ ...options, create: true }, async (milepost) => {
    using interrupt = new Interrupt(cli);
    const name = options.name ?? batchNameFrom("command", labelOf(command), commandOptions);
    const thenName = then === null ? null : thenBatchName(name, then);
    const printer = new CommandPrinter(cli.io);
    const observe = (attempt: CommandAttempt): CommandObserver => {
      if (attempt.item.batch.name === thenName) return printer.observe();
      return together([jobLog?.observe(attempt), options.print === true ? printer.observe() : undefined]);
    };
    milepost.pipeline(commandPipeline({ env: cli.io.env, observe }));
    const run = { cli, milepost, interrupt, options };
    const batch = await submitBatch(run, {
      pipeline: "command",
      name,
      batchOptions: commandOptions,
      items: () => items,
    });
    // A screen that is redrawn and printed output would write over each other.
    const isPlain = options.print === true && cli.io.stdout.isTTY === true;
    const result = await workOn(run, batch, isPlain);
    await endRun(run, { batch, name, result, out: commandOptions.out, then });
  });
}

/** Items are texts, taken as they are; with `--files` they are files that must be there. */
async function collectItems(
  cli: Cli,
  words: readonly string[],
  options: RunCommandOptions,
): Promise<readonly NewItem[]> {
  const { fromFile } = options;
  const isNul = options.null === true;
  if (options.files === true) {
    const sources = { names: words, fromFile, isNul, isSkipMissing: options.skipMissing === true };
    const files = await collectFiles(cli, { ...sources, out: options.out, extensions: null, what: "files" });
    return files.map((path) => ({ key: path, size: statSync(path).size, ...kindOf(path) }));
  }
  if (options.skipMissing === true) {
    throw new MilepostError("INVALID_ARGUMENT", "--skip-missing is about files; add --files");
  }
  const items = fromFile === undefined ? words : [...words, ...(await readNames(cli.io, fromFile, isNul))];
  if (items.length === 0) {
    throw new MilepostError("INVALID_ARGUMENT", "give at least one item, or read them with --from-file (- is stdin)");
  }
  return items;
}

function kindOf(path: string): { readonly kind?: string } {
  const kind = extname(path).slice(1).toLowerCase();
  return kind === "" ? {} : { kind };
}

/** The program's name, for the name of the batch. */
function labelOf(command: string): string {
  return basename(command.trim().split(/\s/, 1)[0] ?? "");
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new MilepostError("INVALID_ARGUMENT", `cannot make the folder ${escapeText(path)}`, { cause: error });
  }
}

/** Several observers as one, told in order. */
function together(observers: readonly (CommandObserver | undefined)[]): CommandObserver {
  const present = observers.filter((observer) => observer !== undefined);
  return {
    output: (stream, chunk) => {
      for (const observer of present) observer.output(stream, chunk);
    },
    ended: async (end) => {
      for (const observer of present) await observer.ended(end);
    },
  };
}
