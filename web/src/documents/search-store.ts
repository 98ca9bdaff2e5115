import type { Client, OfOwner } from "../../../src/client/client.ts";
import type { WireDocumentHits } from "../../../src/wire/document.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";

export type Hit = WireDocumentHits["hits"][number];

const HITS_MAX = 30;
/** Who types on is not answered for what stood there before. */
const QUIET_MS = 200;

/** Places that answer what is typed: one search at a time, and of what was typed meanwhile the last. */
export class SearchStore extends Observable {
  readonly #client: Pick<Client, "documents">;
  readonly #of: OfOwner;
  #wanted = "";
  #answered = "";
  #hits: readonly Hit[] = [];
  #problem: ShownProblem | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSearching = false;

  constructor(options: {
    readonly client: Pick<Client, "documents">;
    readonly of: OfOwner;
    readonly schedule: Schedule;
  }) {
    super(options.schedule);
    this.#client = options.client;
    this.#of = options.of;
  }

  /** What the hits are of. */
  get query(): string {
    return this.#answered;
  }

  get hits(): readonly Hit[] {
    return this.#hits;
  }

  get problem(): ShownProblem | null {
    return this.#problem;
  }

  start(): void {}

  stop(): void {
    clearTimeout(this.#timer);
  }

  want(query: string): void {
    this.#wanted = query.trim();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#search(), QUIET_MS);
  }

  async #search(): Promise<void> {
    if (this.#isSearching) return;
    this.#isSearching = true;
    while (this.#wanted !== this.#answered) {
      const query = this.#wanted;
      try {
        const options = { ...this.#of, limit: HITS_MAX };
        this.#hits = query === "" ? [] : (await this.#client.documents.search(query, options)).hits;
        this.#problem = null;
      } catch (error) {
        this.#hits = [];
        this.#problem = showProblem(error);
      }
      this.#answered = query;
      this.changed();
    }
    this.#isSearching = false;
  }
}

export interface SnippetPart {
  readonly text: string;
  readonly isHit: boolean;
}

/** A snippet in parts: those that are words of the query, in any case and with any accents, and those between. */
export function snippetParts(snippet: string, query: string): readonly SnippetPart[] {
  const words = new Set(
    query
      .split(/[^\p{L}\p{N}\p{M}]+/u)
      .filter((word) => word !== "")
      .map(plain),
  );
  const parts: SnippetPart[] = [];
  for (const text of snippet.split(/([\p{L}\p{N}\p{M}]+)/u)) {
    if (text === "") continue;
    const isHit = words.has(plain(text));
    const last = parts.at(-1);
    if (last !== undefined && !last.isHit && !isHit) parts[parts.length - 1] = { text: last.text + text, isHit };
    else parts.push({ text, isHit });
  }
  return parts;
}

function plain(word: string): string {
  return word.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}
