import { ApiError, type Client, type DocumentsUpdate, type OfOwner } from "../../../src/client/client.ts";
import type { WireDocument } from "../../../src/wire/document.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import type { ConnectionState } from "../session/session-context.tsx";
import { type ShownProblem, showProblem } from "../words/problem.ts";

/** Documents that are shown: those under way, and the most recent. */
export const DOCUMENTS_MAX = 200;
/** With those that come while the page is open; the oldest that have ended are left out beyond. */
const HELD_MAX = 400;

export interface LibraryOptions {
  readonly client: { readonly documents: Pick<Client["documents"], "watchAll"> };
  readonly of: OfOwner;
  readonly schedule: Schedule;
  readonly onConnection: (state: ConnectionState) => void;
}

/** The caller's documents as they change: those under way first, then the most recent. */
export class LibraryStore extends Observable {
  readonly #options: LibraryOptions;
  readonly #stop = new AbortController();
  #documents: readonly WireDocument[] = [];
  #isFollowing = false;
  #isLoaded = false;
  #problem: ShownProblem | null = null;

  constructor(options: LibraryOptions) {
    super(options.schedule);
    this.#options = options;
  }

  get documents(): readonly WireDocument[] {
    return this.#documents;
  }

  /** False until it is known what there is. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Why it is not known what there is; null: it is. */
  get problem(): ShownProblem | null {
    return this.#problem;
  }

  /** Follows the documents until `stop`. Again: after the caller has got a session, or the stream had ended. */
  start(): void {
    if (!this.#isFollowing) void this.#follow();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #follow(): Promise<void> {
    const { client, of, onConnection } = this.#options;
    const { signal } = this.#stop;
    this.#isFollowing = true;
    this.#problem = null;
    try {
      const options = { ...of, limit: DOCUMENTS_MAX, signal, onState: onConnection };
      for await (const update of client.documents.watchAll(options)) {
        this.#documents = withUpdate(this.#documents, update);
        this.#isLoaded = true;
        this.changed();
      }
    } catch (error) {
      onConnection("idle");
      // Who has sent nothing in yet has no documents to hear of.
      if (error instanceof ApiError && error.status === 401) this.#isLoaded = true;
      else this.#problem = showProblem(error);
      this.changed();
    } finally {
      this.#isFollowing = false;
    }
  }
}

/** Documents as they are after an update, in their order; what was not there before has come last and stands first. */
export function withUpdate(
  known: readonly WireDocument[],
  { documents, removed, isFresh }: DocumentsUpdate,
): readonly WireDocument[] {
  if (isFresh) return activeFirst(documents);
  const news = new Map(documents.map((document) => [document.docId, document]));
  const kept = known
    .filter(({ docId }) => !removed.includes(docId))
    .map((document) => {
      const now = news.get(document.docId) ?? document;
      news.delete(document.docId);
      return now;
    });
  return activeFirst([...news.values(), ...kept]).slice(0, HELD_MAX);
}

export function isActive({ status }: Pick<WireDocument, "status">): boolean {
  return status !== "completed" && status !== "failed";
}

/** Those that are worked on, those that wait, those that have ended; each as they come. */
function activeFirst(documents: readonly WireDocument[]): readonly WireDocument[] {
  const rankOf = ({ status }: WireDocument): number => (status === "queued" ? 1 : isActive({ status }) ? 0 : 2);
  return documents.toSorted((one, two) => rankOf(one) - rankOf(two));
}
