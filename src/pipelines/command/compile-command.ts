import { MilepostError } from "../../core/errors.ts";
import type { CommandOptions } from "./command-options.ts";
import {
  fillText,
  isPlaceholder,
  type Placeholder,
  type PlaceholderValues,
  parseText,
  placeholdersFor,
  type TextPart,
} from "./placeholders.ts";
import { toShellScript } from "./shell-script.ts";
import { splitWords } from "./split-words.ts";

/** A program and its arguments: what is given to the operating system, which reads nothing into it. */
export type Argv = readonly [program: string, ...args: string[]];

export interface CompiledCommand {
  /** The program that every item runs; null where it depends on the item. */
  readonly program: string | null;
  readonly usesOut: boolean;
  /** The command of one item. Each value stays inside of one argument. */
  argv(values: PlaceholderValues): Argv;
}

const SHELL = "/bin/sh";

/**
 * Reads a command line once: how it is split and where values go. A command without a placeholder of the item gets the item as its
 * last argument.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for unknown placeholders, open quotes, or what needs `shell` and has none.
 */
export function compileCommand(options: CommandOptions): CompiledCommand {
  const words = options.shell ? shellWords(options) : plainWords(options);
  const [first = [], ...rest] = words;
  const holes = words.flat().filter(isPlaceholder);
  return {
    program: first.some(isPlaceholder) ? null : first.join(""),
    usesOut: holes.some(({ placeholder }) => placeholder === "out"),
    argv: (values) => [fillText(first, values), ...rest.map((word) => fillText(word, values))],
  };
}

function plainWords(options: CommandOptions): readonly (readonly TextPart[])[] {
  const allowed = placeholdersFor(options.per);
  const words = splitWords(options.command).map((word) => parseText(word, allowed));
  const used = words
    .flat()
    .filter(isPlaceholder)
    .map(({ placeholder }) => placeholder);
  if (words.length === 0) {
    throw new MilepostError("INVALID_ARGUMENT", "the command is empty; name a program");
  }
  return needsItem(options, used) ? [...words, [{ placeholder: "" }]] : words;
}

/** `sh -c script sh value …`: the second `sh` is what the script calls itself in messages. */
function shellWords(options: CommandOptions): readonly (readonly TextPart[])[] {
  const allowed = placeholdersFor(options.per);
  let script = toShellScript(options.command, allowed);
  if (needsItem(options, script.parameters)) script = toShellScript(`${options.command} {}`, allowed);
  return [[SHELL], ["-c"], [script.text], ["sh"], ...script.parameters.map((placeholder) => [{ placeholder }])];
}

function needsItem(options: CommandOptions, used: readonly Placeholder[]): boolean {
  return options.per === "item" && !used.some((placeholder) => placeholder !== "out");
}
