import { existsSync, renameSync, statSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hashText } from "../../core/text-hash.ts";
import { writeError } from "../file-errors.ts";
import { makeDirectory } from "../make-directory.ts";
import { imageError } from "./image-errors.ts";

/**
 * Puts whole files in place: written under a temporary name in the same directory, then renamed, so that nobody ever sees
 * half of one. The temporary is removed on failure. It does not wait for the disk: a killed process leaves the old file or
 * the new one; after a power cut the operating system decides.
 *
 * A temporary is named `.milepost-<hash of the output's name>-<unique>.tmp`. What a killed process left behind is removed
 * by the next attempt on the same output.
 */
export class OutputFiles {
  /** Differs from that of every other process. */
  readonly #unique: string;
  #made = 0;
  /** Per directory the temporaries that were there when this process first wrote to it, by prefix. */
  readonly #leftovers = new Map<string, Promise<Map<string, string[]>>>();

  constructor(unique: string) {
    this.#unique = unique;
  }

  /**
   * Puts what `make` writes to the temporary that it is given in the place of `path`, whose directory is made if needed.
   * Returns what `make` did.
   *
   * @param isRetry look again for temporaries that other processes left since.
   * @param check called last, when all is written: what it throws leaves `path` as it was.
   * @throws {NoRetryError} `INVALID_OUTPUT` for a name that cannot be.
   * @throws {Error} what may pass: no permission, too many open files; what `make` and `check` throw.
   */
  async replace<T>(
    path: string,
    parts: {
      readonly isRetry: boolean;
      readonly make: (temporary: string) => Promise<T>;
      readonly check: () => void;
    },
  ): Promise<T> {
    const directory = dirname(path);
    const prefix = `.milepost-${hashText(basename(path))}-`;
    await this.#sweep(directory, prefix, parts.isRetry);
    const temporary = join(directory, `${prefix}${this.#unique}-${this.#made++}.tmp`);
    try {
      const made = await parts.make(temporary);
      parts.check();
      put(temporary, path);
      return made;
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  async #sweep(directory: string, prefix: string, isRetry: boolean): Promise<void> {
    if (isRetry) this.#leftovers.delete(directory);
    let listing = this.#leftovers.get(directory);
    if (listing === undefined) {
      listing = makeDirectory(directory).then(
        () => listTemporaries(directory),
        (error: unknown) => {
          this.#leftovers.delete(directory);
          throw writeError(error);
        },
      );
      this.#leftovers.set(directory, listing);
    }
    const names = (await listing).get(prefix) ?? [];
    for (const name of names.splice(0)) await rm(join(directory, name), { force: true }).catch(() => {});
  }
}

/** @throws {NoRetryError} `OUTPUT_IS_INPUT` if `path` is the file `input`, by whatever name. */
export function assertNotInput(path: string, input: string): void {
  // Most outputs are not there yet, and asking that alone costs a fifth.
  if (!existsSync(path)) return;
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  const read = statSync(input, { bigint: true, throwIfNoEntry: false });
  if (there !== undefined && there.dev === read?.dev && there.ino === read.ino) {
    throw imageError(
      "OUTPUT_IS_INPUT",
      "the output would overwrite its input; choose another directory or name template",
    );
  }
}

/** Writes a whole file, its directory too. @throws as `replace` does, and for a full disk */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  try {
    await makeDirectory(dirname(path));
    await writeFile(path, data);
  } catch (error) {
    throw writeError(error);
  }
}

/** Synchronously, on purpose: a rename takes some microseconds, a trip through the threads that decode images much longer. */
function put(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    throw writeError(error);
  }
}

async function listTemporaries(directory: string): Promise<Map<string, string[]>> {
  const byPrefix = new Map<string, string[]>();
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const prefix = /^(\.milepost-[0-9a-f]{16}-).*\.tmp$/.exec(name)?.[1];
    if (prefix === undefined) continue;
    const known = byPrefix.get(prefix);
    if (known === undefined) byPrefix.set(prefix, [name]);
    else known.push(name);
  }
  return byPrefix;
}
