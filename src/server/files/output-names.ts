import { portableName, withExtension } from "./clean-name.ts";

/** What an output is called where it is downloaded: as the file that was sent in, with the extension of what was made. */
export function outputName(filename: string, extension: string): string {
  return withExtension(filename, extension);
}

/** Names inside one archive: no two are the same, in whatever case, and any system can unpack them. */
export class ArchiveNames {
  readonly #next = new Map<string, number>();

  take(filename: string, extension: string): string {
    const name = portableName(outputName(filename, extension));
    const stem = name.slice(0, -extension.length - 1);
    let candidate = name;
    for (let number = this.#next.get(folded(name)) ?? 1; this.#next.has(folded(candidate)); ) {
      number += 1;
      candidate = `${stem}-${number}.${extension}`;
      this.#next.set(folded(name), number);
    }
    this.#next.set(folded(candidate), this.#next.get(folded(candidate)) ?? 1);
    return candidate;
  }
}

function folded(name: string): string {
  return name.toLowerCase();
}
