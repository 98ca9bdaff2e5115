import type { Client } from "../../../src/client/client.ts";
import type { WireDocument } from "../../../src/wire/document.ts";
import { LiveReader, type LiveReaderOptions } from "../live/live-reader.ts";

/** Documents that are shown: those under way, and the most recent. */
export const DOCUMENTS_MAX = 200;

/** The caller's documents: those under way first, then the most recent. */
export class LibraryStore extends LiveReader {
  readonly #client: Pick<Client, "documents">;
  #documents: readonly WireDocument[] = [];

  constructor(options: LiveReaderOptions & { readonly client: Pick<Client, "documents" | "watchMany"> }) {
    super(options);
    this.#client = options.client;
  }

  get documents(): readonly WireDocument[] {
    return this.#documents;
  }

  protected async read(): Promise<void> {
    const { documents } = this.#client;
    const limit = DOCUMENTS_MAX;
    const [active, recent] = await Promise.all([documents.list({ active: true, limit }), documents.list({ limit })]);
    this.#documents = activeFirst([...active.documents, ...recent.documents]);
  }
}

export function isActive({ status }: Pick<WireDocument, "status">): boolean {
  return status !== "completed" && status !== "failed";
}

/** Those that are worked on, those that wait, those that have ended; each as they come, and once: as it was read last. */
export function activeFirst(documents: readonly WireDocument[]): readonly WireDocument[] {
  const rankOf = ({ status }: WireDocument): number => (status === "queued" ? 1 : isActive({ status }) ? 0 : 2);
  const known = new Map(documents.map((document) => [document.docId, document]));
  return [...known.values()].sort((one, two) => rankOf(one) - rankOf(two));
}
