import { isAbsolute } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { isStorableText } from "../../core/json.ts";

/** Bounds of what is kept of a command's output. */
export const COMMAND_LIMITS = {
  /** Bytes at the end of stdout that become part of the item's output. */
  stdoutTailBytes: 4_096,
  /** Bytes at the end of stderr that become part of the item's error. */
  stderrTailBytes: 1_024,
  /** Bytes of one chunk of output that are searched for progress: only its latest matters. */
  progressBytes: 16_384,
} as const;

/** What a batch of commands runs: the options of a batch of the pipeline `command`. A type, not an interface, so that it is `Json`. */
export type CommandOptions = {
  /** The command line with its placeholders, as its user wrote it. */
  readonly command: string;
  /** True: `/bin/sh` reads the command line. False (default): it is split into words and nothing else. */
  readonly shell: boolean;
  /** Where the commands run: an absolute path. */
  readonly cwd: string;
  /** What `{out}` stands for: an absolute path; null if the command does not use it. */
  readonly out: string | null;
  /** `item` (default): the placeholders of an item may be used, and without any the item is the last argument. `batch`: only `{out}`. */
  readonly per: "item" | "batch";
};

const NAMES = ["command", "shell", "cwd", "out", "per"] as const satisfies readonly (keyof CommandOptions)[];

/**
 * Checks the options of a batch and fills in the defaults. The command line itself is checked by `compileCommand`.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`, naming the option, what was expected and what was found.
 */
export function toCommandOptions(given: unknown): CommandOptions {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw refused("the options of a batch of commands", "an object with at least `command` and `cwd`", given);
  }
  const fields: Readonly<Record<string, unknown>> = { ...given };
  const stranger = Object.keys(fields).find((name) => !NAMES.some((known) => known === name));
  if (stranger !== undefined) throw refused("an option of commands", `one of ${NAMES.join(", ")}`, stranger);
  const { command, shell = false, cwd, out = null, per = "item" } = fields;
  if (typeof command !== "string" || command.trim() === "" || !isStorableText(command)) {
    throw refused("command", "a command line that is not empty", command);
  }
  if (typeof shell !== "boolean") throw refused("shell", "true or false", shell);
  if (!isFolder(cwd)) throw refused("cwd", "the absolute path of a folder", cwd);
  if (out !== null && !isFolder(out)) throw refused("out", "the absolute path of a folder", out);
  if (per !== "item" && per !== "batch") throw refused("per", "item or batch", per);
  return { command, shell, cwd, out, per };
}

function isFolder(value: unknown): value is string {
  return typeof value === "string" && isAbsolute(value) && isStorableText(value);
}

function refused(what: string, expected: string, found: unknown): MilepostError {
  const shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  return new MilepostError("INVALID_ARGUMENT", `${what} must be ${expected}; found ${shown}`, { details: { found } });
}
