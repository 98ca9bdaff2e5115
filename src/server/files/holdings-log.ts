import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { KeyedLock } from "../keyed-lock.ts";
import { SESSION_OWNER } from "../session-cookie.ts";
import { DAY_MS, dayOf } from "./day.ts";
import { codeOf, namesIn, removeAll } from "./disk.ts";
import type { Holdings } from "./holdings.ts";
import { readLines } from "./read-lines.ts";

/** Anything may stand before it: after a power cut a line may be there without what was written to it. */
const LINE = /([0-9a-f-]{36}) (\d{1,15})$/;

/**
 * What the servers of a folder tell each other of the files that sessions send in: `<folder>/<day>/<session>` (UTC), to which each appends a
 * line `<file> <bytes>`, 0 for one that went away. Who appends and then reads what the others did, and finds that it is too much, takes
 * its own back; so of two that come at one moment at least one knows of the other, and none of what all take together is too much.
 *
 * It is news, not the truth, which lies in the folders: each server counts that anew with every sweep, and what nobody has any more,
 * since its server died, is forgotten by then. Lines are kept for a day at least.
 */
export class HoldingsLog {
  readonly #folder: string;
  readonly #holdings: Holdings;
  readonly #now: () => number;
  readonly #lock = new KeyedLock();
  /** Up to where each file was read, by day and session. */
  readonly #read = new Map<string, Map<string, number>>();

  constructor(parts: { readonly folder: string; readonly holdings: Holdings; readonly now: () => number }) {
    this.#folder = parts.folder;
    this.#holdings = parts.holdings;
    this.#now = parts.now;
  }

  /** Tells how large files of a session are now, and hears what other servers told. */
  async tell(owner: string, files: Iterable<readonly [name: string, bytes: number]>): Promise<void> {
    const text = [...files].map(([name, bytes]) => `${name} ${bytes}\n`).join("");
    const session = sessionOf(owner);
    await this.#lock.run(session, async () => {
      const [yesterday, today] = this.#days();
      const folder = join(this.#folder, today);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await using file = await open(join(folder, session), "a+", 0o600);
      await file.appendFile(text);
      await this.#hearDay(yesterday, session);
      await this.#apply(file, today, session);
    });
  }

  /** Hears what other servers told of the files of a session. */
  async hear(owner: string): Promise<void> {
    const session = sessionOf(owner);
    await this.#lock.run(session, async () => {
      for (const day of this.#days()) await this.#hearDay(day, session);
    });
  }

  /** Hears all that was told of anybody, so that what is counted after it is newer; forgets days before yesterday. */
  async sweep(): Promise<void> {
    const [yesterday] = this.#days();
    for (const day of await namesIn(this.#folder)) {
      if (day < yesterday) await removeAll(join(this.#folder, day));
      else for (const session of await namesIn(join(this.#folder, day))) await this.hear(SESSION_OWNER + session);
    }
    for (const day of this.#read.keys()) if (day < yesterday) this.#read.delete(day);
  }

  /** The clock of another server may be late, so what it tells may stand in the day before. */
  #days(): readonly [yesterday: string, today: string] {
    const now = this.#now();
    return [dayOf(now - DAY_MS), dayOf(now)];
  }

  async #hearDay(day: string, session: string): Promise<void> {
    const file = await open(join(this.#folder, day, session), "r").catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    });
    if (file === null) return;
    try {
      await this.#apply(file, day, session);
    } finally {
      await file.close();
    }
  }

  async #apply(file: FileHandle, day: string, session: string): Promise<void> {
    const read = this.#read.get(day) ?? new Map<string, number>();
    this.#read.set(day, read);
    const at = await readLines(file, read.get(session) ?? 0, (line) => {
      const [, name, bytes] = LINE.exec(line) ?? [];
      if (name !== undefined) this.#holdings.set(SESSION_OWNER + session, name, Number(bytes));
    });
    read.set(session, at);
  }
}

function sessionOf(owner: string): string {
  return owner.slice(SESSION_OWNER.length);
}
