import { accessSync, constants, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";

/** Where the operating system looks where PATH is not set. */
const DEFAULT_PATH = "/usr/bin:/bin";

/**
 * The file that runs if `program` is started in `cwd`: a name with a slash is a path, any other is looked for along `path`.
 * Null if there is none that may be executed.
 */
export function findProgram(
  program: string,
  options: { readonly cwd: string; readonly path: string | undefined },
): string | null {
  if (program === "") return null;
  const folders = program.includes("/") ? [""] : (options.path ?? DEFAULT_PATH).split(delimiter);
  const candidates = folders.map((folder) => resolve(options.cwd, folder, program));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
