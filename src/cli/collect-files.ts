import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";
import { formatPlural } from "../format/number.ts";
import type { Cli } from "./cli.ts";
import { expandFiles } from "./expand-files.ts";
import { readNames } from "./read-names.ts";

const MISSING_SHOWN = 3;

export interface FileSources {
  readonly names: readonly string[];
  readonly fromFile: string | undefined;
  readonly isNul: boolean;
  readonly isSkipMissing: boolean;
  /** Absolute; what is in it is never taken from folders and patterns, because it is output. */
  readonly out: string;
  /** Lower case, with the dot: what is taken from folders; null for every file. */
  readonly extensions: ReadonlySet<string> | null;
  /** What is looked for, in messages: `images`. */
  readonly what: string;
}

/**
 * The absolute paths of the files that a user named, in order, each once. Nothing was submitted before this.
 *
 * @throws {MilepostError} `NOT_FOUND` if a name stands for nothing, or no file is left; `INVALID_ARGUMENT` if none was named.
 */
export async function collectFiles(cli: Cli, sources: FileSources): Promise<readonly string[]> {
  if (sources.names.length === 0 && sources.fromFile === undefined) {
    throw new MilepostError("INVALID_ARGUMENT", "name at least one file, folder or pattern, or use --from-file");
  }
  const base = { cwd: cli.io.cwd, extensions: sources.extensions, exclude: sources.out };
  const named = await expandFiles(sources.names, base);
  const listed =
    sources.fromFile === undefined
      ? { files: [], missing: [] }
      : await expandFiles(await readNames(cli.io, sources.fromFile, sources.isNul), { ...base, isLiteral: true });
  const missing = [...named.missing, ...listed.missing];
  if (missing.length > 0 && !sources.isSkipMissing) {
    throw new MilepostError(
      "NOT_FOUND",
      `${describeMissing(missing)}; correct it, or leave such files out with --skip-missing`,
    );
  }
  if (missing.length > 0) cli.note(`left out: ${describeMissing(missing)}`);
  const files = [...new Set([...named.files, ...listed.files])];
  if (files.length === 0) throw new MilepostError("NOT_FOUND", `no ${sources.what} were found there`);
  return files;
}

function describeMissing(missing: readonly string[]): string {
  const shown = missing.slice(0, MISSING_SHOWN).map((name) => (name === "" ? "''" : escapeText(name)));
  const more = missing.length > shown.length ? ` and ${formatPlural(missing.length - shown.length, "other")}` : "";
  return `${shown.join(", ")}${more} not found`;
}
