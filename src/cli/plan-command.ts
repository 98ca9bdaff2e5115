import { MilepostError } from "../core/errors.ts";
import {
  type CommandOptions,
  compileCommand,
  findProgram,
  toCommandOptions,
} from "../pipelines/command/command-pipeline.ts";
import type { Cli } from "./cli.ts";

/**
 * A command line, read and checked once, before anything is submitted.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for a command line that is wrong, or a program that is not there.
 */
export function planCommand(cli: Cli, given: Omit<CommandOptions, "cwd">): CommandOptions {
  const { cwd, env } = cli.io;
  const options = toCommandOptions({ ...given, cwd });
  const { program, usesOut } = compileCommand(options);
  if (process.platform === "win32") {
    throw new MilepostError("INVALID_ARGUMENT", "commands need a POSIX system; on Windows use WSL");
  }
  if (program !== null && findProgram(program, { cwd, path: env.PATH }) === null) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `there is no program ${JSON.stringify(program)}; correct the name, give its path, or install it`,
    );
  }
  return usesOut ? options : { ...options, out: null };
}
