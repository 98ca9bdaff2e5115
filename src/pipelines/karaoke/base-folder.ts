import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileError } from "./project-errors.ts";
import { checkFile, openError } from "./read-file.ts";

/** Where the files that a project names are looked for. */
export class BaseFolder {
  readonly path: string;
  readonly #isConfined: boolean;
  readonly #source: string;

  /**
   * @param source the project, for messages
   * @param isConfined true: no file outside the folder, whatever the project or a link in the folder says
   */
  constructor(path: string, source: string, isConfined: boolean) {
    this.path = resolve(path);
    this.#source = source;
    this.#isConfined = isConfined;
  }

  /**
   * The absolute path of a file that the project names; it was a regular file a moment ago.
   *
   * @param field the project's, for messages
   * @throws {MilepostError} `NOT_FOUND` if it is missing, `INVALID_ARGUMENT` if it lies outside, is no regular file or cannot be read.
   */
  async find(path: string, field: string): Promise<string> {
    const named = `${this.#source}: ${field}: ${path}`;
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
