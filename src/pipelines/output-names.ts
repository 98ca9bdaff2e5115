import { realpath } from "node:fs/promises";
import { basename, dirname, join, parse } from "node:path";

/** Hands out each path once. */
export class OutputNames {
  readonly #taken = new Set<string>();
  /** Where to go on counting, so that a thousand equal names do not cost a million tries. */
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    for (const path of taken) this.#taken.add(folded(path));
  }

  take(path: string): string {
    const { dir, name, ext } = parse(path);
    let candidate = path;
    let number = this.#next.get(folded(path)) ?? 2;
    while (this.#taken.has(folded(candidate))) candidate = join(dir, `${name}-${number++}${ext}`);
    this.#next.set(folded(path), number);
    this.#taken.add(folded(candidate));
    return candidate;
  }
}

/** Resolves links in the directory of a path, not in its last part: a rename replaces that, whatever it points to. */
export class RealDirectories {
  readonly #known = new Map<string, string>();

  async resolve(path: string): Promise<string> {
    return join(await this.#directory(dirname(path)), basename(path));
  }

  async #directory(path: string): Promise<string> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const real = await realpath(path).catch(() => null);
    // What is not there yet will be made inside the nearest directory that is.
    const resolved =
      real ?? (dirname(path) === path ? path : join(await this.#directory(dirname(path)), basename(path)));
    this.#known.set(path, resolved);
    return resolved;
  }
}

/** Paths that some file systems take for one: the same but for case and the form of accents. */
export function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
