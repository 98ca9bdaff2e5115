import { MilepostError } from "../core/errors.ts";
import type { FoundPlace } from "../pipelines/documents/search-messages.ts";
import { SearchProcesses, TOO_MUCH } from "../pipelines/documents/search-processes.ts";
import type { IndexFolders } from "./files/index-folders.ts";
import { Refusal, refusal } from "./problems.ts";
import type { ServerLimits } from "./settings.ts";

/** For each search that is carried out, so many wait; what is more would only wait in vain. */
const WAITING_EACH = 50;
const RETRY_AFTER_S = 5;

/** Searches in the indexes of owners, off the event loop; an owner without an index has just nothing in it. */
export class DocumentSearch {
  readonly #indexes: Pick<IndexFolders, "pathOf">;
  readonly #perSession: number;
  readonly #processes: SearchProcesses;
  readonly #asked = new Map<string, number>();

  constructor({ indexes, limits }: { readonly indexes: Pick<IndexFolders, "pathOf">; readonly limits: ServerLimits }) {
    const { searchesAtOnce: atOnce, searchesPerSession, searchTimeoutMs: timeLimitMs } = limits;
    this.#indexes = indexes;
    this.#perSession = searchesPerSession;
    this.#processes = new SearchProcesses({ atOnce, waiting: atOnce * WAITING_EACH, timeLimitMs });
  }

  /** @throws {Refusal} `rate-limited` */
  async search(owner: string, query: string, limit: number): Promise<readonly FoundPlace[]> {
    const places = await this.#ask(owner, (index) => this.#processes.search({ index }, query, limit));
    return places ?? [];
  }

  /** The small picture of a page; null if there is none. @throws {Refusal} `rate-limited` */
  thumbnail(owner: string, docId: string, page: number): Promise<Uint8Array | null> {
    return this.#ask(owner, (index) => this.#processes.thumbnail({ index }, docId, page));
  }

  close(): Promise<void> {
    return this.#processes.close();
  }

  async #ask<T>(owner: string, question: (index: string) => Promise<T>): Promise<T | null> {
    const asked = this.#asked.get(owner) ?? 0;
    if (owner !== "" && asked >= this.#perSession) {
      throw refusal("rate-limited", `a session may have ${this.#perSession} searches under way; wait for one to end`);
    }
    this.#asked.set(owner, asked + 1);
    try {
      return await question(this.#indexes.pathOf(owner));
    } catch (error) {
      if (!(error instanceof MilepostError)) throw error;
      if (error.code === "NOT_FOUND") return null;
      if (error.details.reason !== TOO_MUCH) throw error;
      throw new Refusal("rate-limited", error.message, undefined, RETRY_AFTER_S);
    } finally {
      const left = (this.#asked.get(owner) ?? 1) - 1;
      if (left === 0) this.#asked.delete(owner);
      else this.#asked.set(owner, left);
    }
  }
}
