import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { runCommand } from "../run-command.ts";
import { addRunOptions, type RunOptions } from "../run-options.ts";
import { declareVerb } from "../verb.ts";

/** What `run command` was asked for. */
export interface RunCommandOptions extends RunOptions {
  readonly out: string;
  readonly shell?: boolean;
  readonly fromFile?: string;
  readonly null?: boolean;
  readonly files?: boolean;
  readonly skipMissing?: boolean;
  readonly print?: boolean;
  readonly joblog?: string;
}

const DESCRIPTION = `Runs a command for each item, any program, every end recorded: like GNU parallel, but durable.

The same command again goes on where it was and redoes nothing that is done, after Ctrl-C and
after any crash. {} stands for the item, {name} for its file name without folder and extension,
{base} with extension, {ext} {dir} for its parts, {n} for its number, {out} for --out; {{n}} is
no placeholder. Without one the item is the last argument. No shell reads the command, unless
--shell: an item is always one argument, whatever it holds. Status 0 is success. Progress is
read from the output: 50%, {"progress":0.5}, ffmpeg -progress. Exit status: 0 all done, 1 some
failed, 2 wrong use, 3 a file is missing, 4 trouble with the store, 130 or 143 stopped.`;

export function runCommandVerb(cli: Cli): Command {
  const verb = declareVerb({
    name: "command",
    summary: "run any program for each item",
    description: DESCRIPTION,
    examples: [
      ["milepost run command 'convert {} -resize 50% {out}/{name}.png' *.png --out small", "a program for each file"],
      ["milepost run command --shell 'gzip -c {} > {out}/{base}.gz' --files logs --out gz", "with a shell"],
      ["seq 100 | milepost run command ./simulate --from-file - --print > results.txt", "items from a pipe"],
      ["milepost run command 'rsync -a {} backup:' photos docs --then 'notify-send done'", "and a command at the end"],
    ],
  })
    .argument("<command>", "the command line, with placeholders")
    .argument("[items...]", "items: any texts; after -- also those that start with -")
    .option("-o, --out <folder>", "what {out} stands for; made if the command uses it", "milepost-out")
    .option("--shell", "let /bin/sh read the command: pipes, redirections, variables")
    .option("--from-file <list>", "read items from a file, one a line; - is standard input")
    .option("-0, --null", "items in the list end with NUL instead of a line break")
    .option("--files", "items are files, folders (all files in them) and patterns, and must be there")
    .option("--skip-missing", "with --files: leave out what is missing instead of refusing to start")
    .option("--print", "print what commands print, each one's output together when it has ended")
    .option("--joblog <file>", "append a line for each ended job, in the columns of GNU parallel");
  return addRunOptions(verb, cli, {
    items: "commands",
    named: "the command and its folder",
    queue: "command",
    retries: 0,
  }).action(async (command: string, items: readonly string[], _options: unknown, parsed: Command) =>
    runCommand(cli, command, items, parsed.optsWithGlobals<RunCommandOptions>()),
  );
}
