import { hash } from "node:crypto";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isLeftover, isOwn, markedName } from "../../platform/process-mark.ts";
import { systemHost } from "../../platform/system-host.ts";
import { writeError } from "../file-errors.ts";
import { makeDirectory } from "../make-directory.ts";

/** `.milepost-<item>-<host>.<mark of the process>`: hidden, and everybody can tell whose it is. */
const TEMPORARY = /^\.milepost-([0-9a-f-]{36})-([0-9a-f]{8})\./;

/**
 * A video on its way: written under a temporary name beside its final one, then renamed, so that nobody ever sees half of
 * one. A killed process leaves the temporary behind; whoever next exports into the folder removes what dead processes of
 * this machine left in it, and each attempt what earlier ones of its item did, on whatever machine.
 */
export class VideoFile {
  /** Where it is to be written. */
  readonly temporary: string;
  readonly #path: string;

  private constructor(path: string, temporary: string) {
    this.#path = path;
    this.temporary = temporary;
  }

  /** Makes the folder if needed. @throws as `writeError` makes it */
  static async begin(path: string, itemId: string): Promise<VideoFile> {
    const folder = dirname(path);
    try {
      await makeDirectory(folder);
    } catch (error) {
      throw writeError(error);
    }
    const host = hash("sha256", systemHost.self.host).slice(0, 8);
    for (const name of await readdir(folder).catch(() => [])) {
      const [, item, of] = TEMPORARY.exec(name) ?? [];
      if (item === undefined || !(item === itemId || (of === host && (await isLeftover(folder, name))))) continue;
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
    return new VideoFile(path, join(folder, markedName(`.milepost-${itemId}-${host}`)));
  }

  /** Removes at once what attempts of the item in this process left; for when they cannot give it up themselves. */
  static removeOwn(path: string, itemId: string): void {
    const folder = dirname(path);
    try {
      for (const name of readdirSync(folder)) {
        const isItems = TEMPORARY.exec(name)?.[1] === itemId && isOwn(name);
        if (isItems) rmSync(join(folder, name), { force: true });
      }
    } catch {
      // The next export into the folder tries again.
    }
  }

  /**
   * Puts it in place, once it is on the disk: after a power cut too, what bears the name is whole. `check` is called last.
   * @throws as `writeError` makes it; what `check` throws
   */
  async put(check: () => void): Promise<void> {
    try {
      await using file = await open(this.temporary, "r+");
      await file.sync();
    } catch (error) {
      throw writeError(error);
    }
    check();
    try {
      renameSync(this.temporary, this.#path);
    } catch (error) {
      throw writeError(error);
    }
  }

  /** Gives it up. */
  async discard(): Promise<void> {
    await rm(this.temporary, { force: true }).catch(() => {});
  }
}
