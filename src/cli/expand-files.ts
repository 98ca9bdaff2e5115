import type { Dirent, Stats } from "node:fs";
import { glob, readdir, stat } from "node:fs/promises";
import { extname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { MilepostError } from "../core/errors.ts";
import { escapeText } from "../format/escape.ts";

const GLOB = /[*?[\]{}]/;

export interface Expansion {
  /** Absolute paths, each once, in the order named; what a folder or a pattern stands for is sorted. */
  readonly files: readonly string[];
  /** Names that stand for nothing. */
  readonly missing: readonly string[];
}

export interface ExpandOptions {
  readonly cwd: string;
  /** Lower case, with the dot: what is taken from folders; null for every file. A file that is named itself may have any name. */
  readonly extensions: ReadonlySet<string> | null;
  /** Folders whose content is never taken from folders and patterns: where outputs go. Absolute. */
  readonly exclude: string;
  /** Names are taken as they are, without patterns. */
  readonly isLiteral?: boolean;
}

/**
 * Turns the names a user gave (files, folders, glob patterns) into files.
 *
 * A name that exists is never read as a pattern. Folders are searched whole, hidden entries left out, links to folders not
 * followed. Nothing is opened, so a pipe cannot make it hang.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT` for something that is neither file nor folder (a pipe, a device).
 */
export async function expandFiles(names: readonly string[], options: ExpandOptions): Promise<Expansion> {
  const files = new Set<string>();
  const missing: string[] = [];
  for (const name of names) {
    const path = resolve(options.cwd, name);
    const facts = name === "" ? null : await statOrNull(path);
    if (facts?.isDirectory()) {
      for await (const file of filesUnder(path, options)) files.add(file);
    } else if (facts !== null) {
      if (!facts.isFile()) throw notAFile(name);
      files.add(path);
    } else {
      const matches = options.isLiteral !== true && GLOB.test(name) ? await filesLike(name, options) : [];
      if (matches.length === 0) missing.push(name);
      for (const file of matches) files.add(file);
    }
  }
  return { files: [...files], missing };
}

function notAFile(name: string): MilepostError {
  return new MilepostError(
    "INVALID_ARGUMENT",
    `${escapeText(name)} is neither a file nor a folder; pipes and devices are not taken`,
  );
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "ELOOP") return null;
    throw new MilepostError("INVALID_ARGUMENT", `cannot read ${escapeText(path)} (${String(code)})`, { cause: error });
  }
}

async function* filesUnder(folder: string, options: ExpandOptions): AsyncGenerator<string> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new MilepostError("INVALID_ARGUMENT", `cannot read the folder ${escapeText(folder)}`, { cause: error });
  }
  entries.sort((a, b) => compare(a.name, b.name));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".") || isInside(path, options.exclude)) continue;
    if (entry.isDirectory()) yield* filesUnder(path, options);
    else if (isWanted(entry.name, options) && (await isFile(entry, path))) yield path;
  }
}

function isWanted(name: string, options: ExpandOptions): boolean {
  return options.extensions === null || options.extensions.has(extname(name).toLowerCase());
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  return entry.isFile() || (entry.isSymbolicLink() && (await statOrNull(path))?.isFile() === true);
}

async function filesLike(pattern: string, options: ExpandOptions): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const match of glob(pattern, { cwd: options.cwd })) {
    const path = resolve(options.cwd, match);
    if (isInside(path, options.exclude)) continue;
    if ((await statOrNull(path))?.isFile()) found.push(path);
  }
  return found.sort(compare);
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

// By code unit, so that the order is the same in every locale.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
