import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { MilepostError } from "../../core/errors.ts";
import { fileError } from "./project-errors.ts";
import { openError } from "./read-file.ts";

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
   * The absolute path of a file that the project names.
   *
   * @param field the project's, for messages
   * @throws {MilepostError} `NOT_FOUND` if a confined one is missing, `INVALID_ARGUMENT` if it lies outside.
   */
  async resolve(name: string, field: string): Promise<string> {
    const path = this.#names === null ? name : this.#names.get(name.slice(name.search(/[^/\\]*$/)));
    if (path === undefined) {
      const found = `${field}: ${JSON.stringify(name)} is not among the files that came with it`;
      throw new MilepostError("NOT_FOUND", `${this.#source}: ${found}`, { details: { source: this.#source } });
    }
    const whole = resolve(this.path, path);
    if (!this.#isConfined) return whole;
    const outside = fileError(this.#source, null, `${field}: ${JSON.stringify(name)} is outside the project's folder`);
    if (!isInside(this.path, whole)) throw outside;
    const [folder, real] = await Promise.all([realpath(this.path), realpath(whole)]).catch((error: unknown) => {
      throw openError(error, `${this.#source}: ${field}: ${JSON.stringify(name)}`);
    });
    if (!isInside(folder, real)) throw outside;
    return real;
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
