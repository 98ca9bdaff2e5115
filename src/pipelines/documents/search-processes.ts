import { type ChildProcess, fork } from "node:child_process";
import { MilepostError } from "../../core/errors.ts";
import type { FoundPlace, LibraryQuestion, SearchAnswer, SearchTask } from "./search-messages.ts";

const MAIN = new URL(`./search-process${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
/** An idle process ends after this: it keeps an index open. */
const IDLE_MS = 30_000;
const MEMORY_MB = 256;

export interface SearchLimits {
  /** Questions that are looked up at once, each in a process of its own. */
  readonly atOnce: number;
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

interface Asked {
  readonly task: SearchTask;
  readonly resolve: (answer: SearchAnswer) => void;
  readonly reject: (error: Error) => void;
  /** Null: it waits. */
  process: SearchProcess | null;
}

/**
 * Looks into indexes of documents in processes of their own, so that nothing else has to wait. A search compares its query with every vector
 * and SQLite ends no statement that runs in a thread, but a process can be killed at any moment: when its question takes too long, and
 * when nobody wants the answer any more. What it was writing is then undone by SQLite. Processes are begun when they are needed.
 */
export class SearchProcesses {
  readonly #limits: SearchLimits;
  /** In the order in which they came. */
  readonly #asked = new Set<Asked>();
  readonly #processes = new Set<SearchProcess>();

  constructor(limits: SearchLimits) {
    this.#limits = limits;
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

  /** Kills all processes; what was asked is not answered any more. Resolves when they are gone. */
  async close(): Promise<void> {
    for (const asked of this.#asked) asked.reject(unavailable("the search was given up"));
    this.#asked.clear();
    await Promise.all(Array.from(this.#processes, (process) => process.kill()));
  }

  async #ask({ index, model }: SearchedIndex, question: LibraryQuestion): Promise<SearchAnswer> {
    const { atOnce, waiting, timeLimitMs } = this.#limits;
    if (this.#asked.size >= atOnce + waiting) throw tooMuch("too many searches are under way; try again in a moment");
    const { promise, resolve, reject } = Promise.withResolvers<SearchAnswer>();
    const asked: Asked = { task: { index, model: model ?? null, question }, resolve, reject, process: null };
    this.#asked.add(asked);
    const timer =
      timeLimitMs === null
        ? undefined
        : setTimeout(() => {
            reject(tooMuch(`the search took longer than ${Math.round(timeLimitMs / 1_000)} s; ask for less`));
            void asked.process?.kill();
          }, timeLimitMs);
    this.#begin();
    try {
      const answer = await promise;
      if (answer.type !== "failed") return answer;
      const { code, message } = answer;
      throw code === null ? new Error(message) : new MilepostError(code, message, { details: { index } });
    } finally {
      clearTimeout(timer);
      this.#asked.delete(asked);
      this.#begin();
    }
  }

  /** Gives questions that wait to processes that do not work; one that is being killed counts as long as it is there. */
  #begin(): void {
    for (const asked of this.#asked) {
      if (asked.process !== null) continue;
      const process = this.#free();
      if (process === null) return;
      asked.process = process;
      process.answer(asked.task).then(asked.resolve, asked.reject);
    }
  }

  #free(): SearchProcess | null {
    for (const process of this.#processes) if (process.isIdle) return process;
    if (this.#processes.size >= this.#limits.atOnce) return null;
    const process = new SearchProcess(() => {
      this.#processes.delete(process);
      this.#begin();
    });
    this.#processes.add(process);
    return process;
  }
}

/** ```
 * idle ──answer──▶ busy ──message──▶ idle
 *  │ IDLE_MS         │ killed, died
 *  └────────────────▶└──▶ ended
 * ```
 */
class SearchProcess {
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  #asked: PromiseWithResolvers<SearchAnswer> | null = null;
  #idleTimer: NodeJS.Timeout | undefined;
  #isKilled = false;

  constructor(onEnded: () => void) {
    // In a group of its own: Ctrl-C goes to all of a terminal's, and whoever asked says what becomes of the question.
    this.#child = fork(MAIN, {
      env: {},
      execArgv: [`--max-old-space-size=${MEMORY_MB}`],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      detached: true,
    });
    this.#child.on("message", (answer: SearchAnswer) => this.#rest(answer));
    this.#child.on("error", () => this.#ended.resolve());
    this.#child.on("exit", () => this.#ended.resolve());
    void this.#ended.promise.then(() => {
      clearTimeout(this.#idleTimer);
      this.#asked?.reject(unavailable("the process that searched has ended"));
      onEnded();
    });
  }

  get isIdle(): boolean {
    return this.#asked === null && !this.#isKilled;
  }

  answer(task: SearchTask): Promise<SearchAnswer> {
    clearTimeout(this.#idleTimer);
    this.#asked = Promise.withResolvers<SearchAnswer>();
    this.#child.ref();
    this.#child.channel?.ref();
    this.#child.send(task, () => {});
    return this.#asked.promise;
  }

  /** Ends it at once, whatever it does. Resolves when it is gone. */
  kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.ref();
    this.#child.kill("SIGKILL");
    return this.#ended.promise;
  }

  /** Waits for the next question without keeping the process of the caller alive. */
  #rest(answer: SearchAnswer): void {
    this.#asked?.resolve(answer);
    this.#asked = null;
    this.#child.unref();
    this.#child.channel?.unref();
    this.#idleTimer = setTimeout(() => void this.kill(), IDLE_MS).unref();
  }
}

/** In `details.reason`: the index is sound, only more was asked than there is time for. */
export const TOO_MUCH = "too-much";

function tooMuch(message: string): MilepostError {
  return new MilepostError("STORE_UNAVAILABLE", message, { details: { reason: TOO_MUCH } });
}

function unavailable(message: string): MilepostError {
  return new MilepostError("STORE_UNAVAILABLE", message);
}
