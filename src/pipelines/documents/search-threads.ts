import { Piscina } from "piscina";
import { MilepostError } from "../../core/errors.ts";
import type { FoundPlace, LibraryQuestion, SearchAnswer, SearchTask } from "./search-messages.ts";

/** An idle thread ends after this: it keeps an index open. */
const IDLE_MS = 30_000;
const MEMORY_MB = 256;

export interface SearchLimits {
  /** Questions that are looked up at once. */
  readonly threads: number;
  /** As many more wait; others are refused. */
  readonly waiting: number;
  /** For each question, waiting included; null for as long as it takes. */
  readonly timeLimitMs: number | null;
}

/** An index, and the folder of the model that it was made with; without one, the built-in embedder. */
export interface SearchedIndex {
  readonly index: string;
  readonly model?: string;
}

/**
 * Looks into indexes of documents in threads of their own, so that nothing else has to wait. A thread that takes too long is ended;
 * threads are begun when they are needed.
 */
export class SearchThreads {
  readonly #limits: SearchLimits;
  readonly #pool: Piscina<SearchTask, SearchAnswer>;
  #asked = 0;

  constructor(limits: SearchLimits) {
    this.#limits = limits;
    const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#pool = new Piscina<SearchTask, SearchAnswer>({
      filename: new URL(`./search-thread.${ending}`, import.meta.url).href,
      name: "answer",
      minThreads: 0,
      maxThreads: limits.threads,
      idleTimeout: IDLE_MS,
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    // What ends a thread rejects its question too; the event alone would end the process.
    this.#pool.on("error", () => {});
  }

  /**
   * The places that answer a query best; as `Library.search`.
   * @throws {MilepostError} as `openLibrary`; `STORE_UNAVAILABLE` with the reason `TOO_MUCH` if there are too many questions or this one
   * takes too long
   */
  async search(of: SearchedIndex, query: string, limit: number): Promise<readonly FoundPlace[]> {
    const answer = await this.#ask(of, { type: "search", query, limit });
    return answer.type === "places" ? answer.places : [];
  }

  /** The small picture of a page as JPEG; null if there is none. @throws {MilepostError} as `search` */
  async thumbnail(of: SearchedIndex, sha256: string, page: number): Promise<Uint8Array | null> {
    const answer = await this.#ask(of, { type: "thumbnail", sha256, page });
    return answer.type === "picture" ? answer.picture : null;
  }

  /** Takes a document out of the index, whole or half done; one that is not there is gone already. @throws {MilepostError} as `search` */
  async remove(of: SearchedIndex, sha256: string): Promise<void> {
    await this.#ask(of, { type: "remove", sha256 });
  }

  /** Ends all threads; what was asked is not answered any more. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #ask({ index, model }: SearchedIndex, question: LibraryQuestion): Promise<SearchAnswer> {
    const { threads, waiting, timeLimitMs } = this.#limits;
    if (this.#asked >= threads + waiting) throw unavailable("too many searches are under way; try again in a moment");
    this.#asked += 1;
    const timeout = new AbortController();
    const timer = timeLimitMs === null ? undefined : setTimeout(() => timeout.abort(), timeLimitMs);
    try {
      const answer = await this.#pool.run({ index, model: model ?? null, question }, { signal: timeout.signal });
      if (answer.type !== "failed") return answer;
      const { code, message } = answer;
      throw code === null ? new Error(message) : new MilepostError(code, message, { details: { index } });
    } catch (error) {
      if (!timeout.signal.aborted) throw error;
      throw unavailable(`the search took longer than ${Math.round((timeLimitMs ?? 0) / 1_000)} s; ask for less`);
    } finally {
      clearTimeout(timer);
      this.#asked -= 1;
    }
  }
}

/** In `details.reason`: the index is sound, only more was asked than there is time for. */
export const TOO_MUCH = "too-much";

function unavailable(message: string): MilepostError {
  return new MilepostError("STORE_UNAVAILABLE", message, { details: { reason: TOO_MUCH } });
}
