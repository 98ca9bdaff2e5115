import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isLeftover, isMarked, markedName } from "../../platform/process-mark.ts";
import { Refusal } from "../problems.ts";
import { namesIn, removeAll } from "./disk.ts";

const LOOK_EVERY_MS = 20;
const WAIT_MS = 30_000;
const RETRY_AFTER_S = 5;

type Kind = "submit" | "remove";

/**
 * Keeps submissions and removals that concern the same thing apart, whichever servers of a folder of files they happen in. Each raises a flag
 * first, a file under a marked name, and then looks for flags of the other kind: of two that meet, at least one sees the other. Who submits
 * waits for removals to end; who removes gives way. Flags of dead processes count for nothing.
 */
export class Guards {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Submits when nothing is being removed. @throws {Refusal} `store` where that takes too long */
  async submitting<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#flagged("submit", name, async () => {
      for (let waitedMs = 0; await this.#isRaised("remove", name); waitedMs += LOOK_EVERY_MS) {
        if (waitedMs >= WAIT_MS) {
          throw new Refusal(
            "store",
            "documents are being removed; send them again in a moment",
            undefined,
            RETRY_AFTER_S,
          );
        }
        await wait(LOOK_EVERY_MS);
      }
      return task();
    });
  }

  /** Removes, unless something is being submitted. Several may remove the same thing at once. False: it was not done. */
  async removing(name: string, task: () => Promise<void>): Promise<boolean> {
    return this.#flagged("remove", name, async () => {
      if (await this.#isRaised("submit", name)) return false;
      await task();
      return true;
    });
  }

  /** Takes the flags of dead processes away. */
  async sweep(): Promise<void> {
    for (const name of await namesIn(this.#folder)) {
      if (isMarked(name) && (await isLeftover(this.#folder, name))) await removeAll(join(this.#folder, name));
    }
  }

  async #flagged<T>(kind: Kind, name: string, task: () => Promise<T>): Promise<T> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const flag = join(this.#folder, markedName(`${kind}-${name}`));
    try {
      await (await open(flag, "wx", 0o600)).close();
      return await task();
    } finally {
      await rm(flag, { force: true });
    }
  }

  async #isRaised(kind: Kind, name: string): Promise<boolean> {
    for (const found of await namesIn(this.#folder)) {
      if (found.startsWith(`${kind}-${name}.`) && !(await isLeftover(this.#folder, found))) return true;
    }
    return false;
  }
}
