import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileError } from "./project-errors.ts";
import { openError } from "./read-file.ts";

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
   * The absolute path of a file that the project names.
   *
   * @param field the project's, for messages
   * @throws {MilepostError} `NOT_FOUND` if a confined one is missing, `INVALID_ARGUMENT` if it lies outside.
   */
  async resolve(path: string, field: string): Promise<string> {
    const whole = resolve(this.path, path);
    if (!this.#isConfined) return whole;
    const outside = fileError(this.#source, null, `${field}: ${JSON.stringify(path)} is outside the project's folder`);
    if (!isInside(this.path, whole)) throw outside;
    const [folder, real] = await Promise.all([realpath(this.path), realpath(whole)]).catch((error: unknown) => {
      throw openError(error, `${this.#source}: ${field}: ${JSON.stringify(path)}`);
    });
    if (!isInside(folder, real)) throw outside;
    return real;
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
