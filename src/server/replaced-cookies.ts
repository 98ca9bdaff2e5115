import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, namesIn } from "./files/disk.ts";
import { SESSION_OWNER, type Session } from "./session-cookie.ts";

/** So long does a cookie still count after a newer one was used: for requests under way, and for other tabs. */
const OVERLAP_MS = 60_000;
/** What other servers of the folder wrote is known after this time. */
const LOOK_EVERY_MS = 10_000;
const KNOWN_MAX = 10_000;

/** Cookies of a session that were issued before one that came back: since when they are replaced. */
interface Replaced {
  readonly issuedBefore: number;
  readonly since: number;
}

interface Known {
  readonly replaced: Replaced | null;
  readonly lookedAt: number;
}

/**
 * Which cookies of sessions count no more. A renewed cookie replaces the older ones when it first comes back, not when it is sent: an
 * answer that is lost costs nobody the session. That is kept in a file for each session, named by the hash of its id, so that it
 * holds on every server of the folder and after a restart. A session that was never renewed has none.
 */
export class ReplacedCookies {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();

  constructor({ folder, now }: { readonly folder: string; readonly now: () => number }) {
    this.#folder = folder;
    this.#now = now;
  }

  /** False for a cookie that was replaced too long ago, as far as was looked at. */
  counts({ owner, issuedAt }: Session): boolean {
    const replaced = this.#known.get(owner)?.replaced ?? null;
    return replaced === null || issuedAt >= replaced.issuedBefore || this.#now() - replaced.since <= OVERLAP_MS;
  }

  /**
   * Finds out whether the cookie that came was replaced, or replaces others. Null where that is known; what is returned resolves
   * when it is.
   */
  look(session: Session): Promise<void> | null {
    const known = this.#known.get(session.owner);
    if (known !== undefined && this.#now() - known.lookedAt < LOOK_EVERY_MS && !isNewer(session, known.replaced)) {
      return null;
    }
    return this.#look(session);
  }

  /** Removes what is kept of cookies that are older than any may become. */
  async sweep(olderThanMs: number): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      const path = join(this.#folder, name);
      const { mtimeMs } = (await stat(path).catch(() => null)) ?? { mtimeMs: Number.POSITIVE_INFINITY };
      if (Date.now() - mtimeMs > olderThanMs) await rm(path, { force: true });
    }
  }

  async #look(session: Session): Promise<void> {
    const { owner, issuedAt } = session;
    const path = join(this.#folder, owner.slice(SESSION_OWNER.length));
    const now = this.#now();
    let replaced = await read(path);
    if (isNewer(session, replaced)) {
      replaced = { issuedBefore: issuedAt, since: now };
      await this.#write(path, replaced);
    }
    // Of two that looked at the same time the later cookie holds.
    const { replaced: known = null } = this.#known.get(owner) ?? {};
    const latest = (known?.issuedBefore ?? 0) > (replaced?.issuedBefore ?? 0) ? known : replaced;
    this.#known.delete(owner);
    this.#known.set(owner, { replaced: latest, lookedAt: now });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }

  async #write(path: string, replaced: Replaced): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const draft = `${path}.${randomUUID()}`;
    try {
      await writeFile(draft, JSON.stringify(replaced), { flag: "wx", mode: 0o600 });
      await rename(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
  }
}

/** Whether it comes back for the first time. The first cookie of a session replaces none. */
function isNewer({ begunAt, issuedAt }: Session, replaced: Replaced | null): boolean {
  return issuedAt > (replaced?.issuedBefore ?? begunAt);
}

async function read(path: string): Promise<Replaced | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Replaced;
  } catch (error) {
    // After a power cut a file may be there without what was written to it.
    if (codeOf(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}
