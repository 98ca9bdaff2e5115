import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { KeyedLock } from "../keyed-lock.ts";
import { Refusal } from "../problems.ts";
import { SESSION_OWNER } from "../session-cookie.ts";
import { DAY_MS, dayOf } from "./day.ts";
import { namesIn, removeAll } from "./disk.ts";
import { readLines } from "./read-lines.ts";

const KNOWN_MAX = 10_000;

/** What the lines of a file come to, up to a place in it. */
interface Sum {
  bytes: number;
  at: number;
}

/**
 * How much each session has sent in on a day (UTC), in `<folder>/<day>/<session>`: a file to which every server of the folder appends
 * a line for each piece that came. So no restart forgets what was counted, and no server overwrites what another counts.
 */
export class DailyBytes {
  readonly #folder: string;
  readonly #most: number;
  readonly #now: () => number;
  readonly #lock = new KeyedLock();
  /** By the paths of files, so that of each only what is new is read. */
  readonly #sums = new Map<string, Sum>();

  /** @param parts.most what a session may send in on a day */
  constructor(parts: { readonly folder: string; readonly most: number; readonly now: () => number }) {
    this.#folder = parts.folder;
    this.#most = parts.most;
    this.#now = parts.now;
  }

  /** Counts what has come, unless it is too much. @throws {Refusal} `rate-limited` until the day ends */
  async count(owner: string, bytes: number): Promise<void> {
    const folder = join(this.#folder, dayOf(this.#now()));
    const path = join(folder, owner.slice(SESSION_OWNER.length));
    await this.#lock.run(path, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await using file = await open(path, "a+", 0o600);
      const sum = this.#sumOf(path);
      await add(sum, file);
      if (sum.bytes + bytes > this.#most) throw this.#refusal();
      await file.appendFile(`${bytes}\n`);
      await add(sum, file);
      if (sum.bytes <= this.#most) return;
      // Another server counted at the same moment, and there was not room for both.
      await file.appendFile(`${-bytes}\n`);
      throw this.#refusal();
    });
  }

  /** Removes days that have ended. That of yesterday stays: the clock of another server may be late. */
  async sweep(): Promise<void> {
    const yesterday = dayOf(this.#now() - DAY_MS);
    for (const day of await namesIn(this.#folder)) if (day < yesterday) await removeAll(join(this.#folder, day));
  }

  #sumOf(path: string): Sum {
    const sum = this.#sums.get(path) ?? { bytes: 0, at: 0 };
    this.#sums.delete(path);
    this.#sums.set(path, sum);
    const [oldest] = this.#sums.keys();
    if (this.#sums.size > KNOWN_MAX && oldest !== undefined) this.#sums.delete(oldest);
    return sum;
  }

  #refusal(): Refusal {
    const detail = `a session may send in ${this.#most} bytes a day; wait as long as Retry-After says`;
    const leftMs = DAY_MS - (this.#now() % DAY_MS);
    return new Refusal("rate-limited", detail, undefined, Math.ceil(leftMs / 1_000));
  }
}

/** Adds the lines that were appended since. */
async function add(sum: Sum, file: FileHandle): Promise<void> {
  // After a power cut a line may be there without what was written to it.
  sum.at = await readLines(file, sum.at, (line) => (sum.bytes += Number.parseInt(line, 10) || 0));
}
