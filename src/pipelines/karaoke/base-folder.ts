import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { fileError } from "./project-errors.ts";
import { checkFile, openError } from "./read-file.ts";

/** Where the files that a project names are looked for. */
export class BaseFolder {
  readonly path: string;
  readonly #isConfined: boolean;
  readonly #names: ReadonlyMap<string, string> | null;
  readonly #source: string;

  /**
   * @param source the project, for messages
   * @param rules `isConfined`: no file outside the folder, whatever the project or a link in the folder says; `names`: no other
   * names than these, folders in front of them left out, each with the path that it stands for
   */
  constructor(
    path: string,
    source: string,
    rules: { readonly isConfined: boolean; readonly names: ReadonlyMap<string, string> | null },
  ) {
    this.path = resolve(path);
    this.#source = source;
    this.#isConfined = rules.isConfined;
    this.#names = rules.names;
  }

  /**
   * The absolute path of a file that the project names; it was a regular file a moment ago.
   *
   * @param field the project's, for messages
   * @throws {MilepostError} `NOT_FOUND` if it is missing, `INVALID_ARGUMENT` if it lies outside, is no regular file or cannot be read.
   */
  async find(name: string, field: string): Promise<string> {
    const named = `${this.#source}: ${field}: ${name}`;
    const path = this.#names === null ? name : this.#names.get(name.slice(name.search(/[^/\\]*$/)));
    if (path === undefined) {
      const details = { source: this.#source };
      throw new MilepostError("NOT_FOUND", `${named}: is not among the files that came with it`, { details });
    }
    const whole = resolve(this.path, path);
    const real = this.#isConfined ? await this.#confined(whole, named) : whole;
    await checkFile(real, named);
    return real;
  }

  async #confined(path: string, named: string): Promise<string> {
    const outside = fileError(named, null, "is outside the project's folder");
    if (!isInside(this.path, path)) throw outside;
    const [folder, real] = await Promise.all([realpath(this.path), realpath(path)]).catch((error: unknown) => {
      throw openError(error, named);
    });
    if (!isInside(folder, real)) throw outside;
    return real;
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
