import { MilepostError } from "../../core/errors.ts";
import type { ItemSnapshot } from "../../core/item.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { BatchOptions } from "../../engine/options.ts";
import { toDocumentStatus } from "../../views/document-status.ts";
import { DOCUMENTS_QUEUE, Documents } from "../../views/documents.ts";
import { toWireDocument } from "../../wire/document.ts";
import type { Hide } from "./channel.ts";
import type { DocumentsOwner } from "./document-feed.ts";
import type { EventStream } from "./event-stream.ts";
import { inPieces, toFrame } from "./frame.ts";
import { Ticker } from "./ticker.ts";

/** Changes of a document within this time are told as one. */
const EVERY_MS = 250;
const IDLE_MS = 1_000;
/** Batches that are followed: the newest, and the newest of those that have not ended. */
const BATCHES_MAX = 200;
/** Changes of one batch that are read between two looks. */
const CHANGES_MAX = 500;
const READ_AT_ONCE = 20;
const FRAME_CHARACTERS = 131_072;

/** Who is told, and of what. */
export interface DocumentsWatched {
  /** Whose documents. */
  readonly owner: DocumentsOwner;
  /** So many of those under way and of the most recent are shown first. */
  readonly limit: number;
}

interface Reader extends DocumentsWatched {
  readonly stream: EventStream;
  readonly documents: Documents;
  /** Up to which version of each batch it was told; null: it is to be shown everything anew. */
  told: Map<string, number> | null;
  /** One who takes what he is told slowly holds up nobody else, and is told the latest when he is done. */
  isBusy: boolean;
}

/** What is read between two looks: once for all readers who ask for the same. */
type Readings = Map<string, Promise<unknown>>;

interface Changed {
  readonly keys: readonly string[];
  /** Up to which version that is all. */
  readonly version: number;
}

/**
 * Readers of all documents of an owner, or of everybody's. Batches of the queue are followed by their change feeds; what these name is read
 * as `Documents` finds it and told as it is now, whatever happened in between, so that nothing goes back.
 */
export class DocumentSurvey {
  readonly #milepost: Milepost;
  readonly #hide: Hide;
  readonly #onError: (error: unknown) => void;
  readonly #readers = new Set<Reader>();
  #ticker: Ticker | null = null;

  constructor(parts: {
    readonly milepost: Milepost;
    /** Takes out of what is told to sessions what only the operator may know. */
    readonly hide: Hide;
    readonly onError: (error: unknown) => void;
  }) {
    this.#milepost = parts.milepost;
    this.#hide = parts.hide;
    this.#onError = parts.onError;
  }

  /** Tells a reader of documents as they are now, and of their changes until it goes. */
  admit(stream: EventStream, { owner, limit }: DocumentsWatched): void {
    const documents = new Documents(this.#milepost, owner);
    this.#readers.add({ stream, owner, limit, documents, told: null, isBusy: false });
    void stream.closed.then(() => this.#forgetGone());
    this.#ticker ??= new Ticker(this.#milepost, {
      everyMs: EVERY_MS,
      idleMs: IDLE_MS,
      task: () => this.#look(),
      onError: this.#onError,
    });
    this.#ticker.hint();
  }

  close(): void {
    this.#ticker?.stop();
    this.#ticker = null;
  }

  #forgetGone(): void {
    for (const reader of this.#readers) if (!reader.stream.isOpen) this.#readers.delete(reader);
    if (this.#readers.size === 0) this.close();
  }

  async #look(): Promise<void> {
    const readings: Readings = new Map();
    for (const reader of this.#readers) {
      if (!reader.isBusy) void this.#send(reader, await this.#framesFor(reader, readings));
    }
  }

  async #send(reader: Reader, frames: readonly Buffer[]): Promise<void> {
    reader.isBusy = true;
    for (const frame of frames) {
      reader.stream.write(frame);
      await reader.stream.drained();
    }
    reader.isBusy = false;
  }

  async #framesFor(reader: Reader, readings: Readings): Promise<readonly Buffer[]> {
    const docIds = reader.told === null ? null : await this.#news(reader, reader.told, readings);
    return docIds === null ? this.#snapshot(reader, readings) : this.#changesOf(reader, [...docIds], readings);
  }

  /** What there is, most recent first. */
  async #snapshot(reader: Reader, readings: Readings): Promise<readonly Buffer[]> {
    // First of all: what happens from here on is told, whether it is shown already or not.
    const told = new Map(await this.#versions(reader, readings));
    const { documents, limit } = reader;
    const active = await documents.page({ limit, isActive: true });
    const recent = await documents.page({ limit });
    const shown = new Map<string, ItemSnapshot>();
    for (const item of [...recent.items, ...active.items]) if (!shown.has(item.key)) shown.set(item.key, item);
    const texts = Array.from(shown.values(), (item) => this.#textOf(reader, item));
    const pieces = [...inPieces(texts, FRAME_CHARACTERS), []];
    reader.told = told;
    return pieces.map((piece, index) => {
      const place = `"isFirst":${index === 0},"isLast":${index === pieces.length - 1}`;
      return toFrame("snapshot", `{"documents":[${piece.join(",")}],${place}}`);
    });
  }

  /** Documents as they are now, and those that are not there any more. */
  async #changesOf(reader: Reader, docIds: readonly string[], readings: Readings): Promise<readonly Buffer[]> {
    const texts: string[] = [];
    const removed: string[] = [];
    for (let at = 0; at < docIds.length; at += READ_AT_ONCE) {
      const some = docIds.slice(at, at + READ_AT_ONCE);
      const read = await Promise.all(some.map((docId) => this.#document(reader, docId, readings)));
      for (const [index, text] of read.entries()) {
        if (text === null) removed.push(JSON.stringify(some[index]));
        else texts.push(text);
      }
    }
    const framesOf = (name: string, list: string, all: readonly string[]): readonly Buffer[] =>
      inPieces(all, FRAME_CHARACTERS).map((piece) => toFrame(name, `{"${list}":[${piece.join(",")}]}`));
    return [...framesOf("changes", "documents", texts), ...framesOf("removed", "docIds", removed)];
  }

  /**
   * What may be another now: ids of documents that the feeds name, with those of batches that came; `told` is moved on. Null where there is no
   * way on from what was told: a batch is gone with its documents.
   */
  async #news(reader: Reader, told: Map<string, number>, readings: Readings): Promise<ReadonlySet<string> | null> {
    const docIds = new Set<string>();
    const followed = await this.#versions(reader, readings);
    const others = [...told.keys()].filter((id) => !followed.has(id));
    const versions =
      others.length === 0
        ? followed
        : new Map([...followed, ...(await this.#milepost.versions(others, ownOf(reader)))]);
    if (others.some((id) => !versions.has(id))) return null;
    for (const [id, version] of versions) {
      const since = told.get(id);
      if (since === version) {
        // It ended long ago; should it begin again, it comes like a new one.
        if (!followed.has(id)) told.delete(id);
        continue;
      }
      const page = await this.#changed(reader, { id, since, version }, readings);
      if (page === null) return null;
      for (const key of page.keys) docIds.add(key);
      told.set(id, page.version);
      if (page.version < version) this.#ticker?.hint();
    }
    return docIds;
  }

  /** The versions of the batches that are followed. */
  #versions(reader: Reader, readings: Readings): Promise<ReadonlyMap<string, number>> {
    return once(readings, ["versions", reader.owner ?? null], async () => {
      const query = {
        queue: DOCUMENTS_QUEUE,
        limit: BATCHES_MAX,
        withEstimates: false,
        ...ownOf(reader),
      };
      const open = await this.#milepost.batches({ ...query, isEnded: false });
      const newest = await this.#milepost.batches(query);
      return new Map([...open.batches, ...newest.batches].map(({ id, version }) => [id, version]));
    });
  }

  /** Keys of items that changed; of a batch that has come, those of its newest: the others are told as they change. Null: it is gone. */
  #changed(
    reader: Reader,
    { id, since, version }: { readonly id: string; readonly since: number | undefined; readonly version: number },
    readings: Readings,
  ): Promise<Changed | null> {
    const { owner, limit } = reader;
    const batch = this.#milepost.batch(id, ownOf(reader));
    return once(readings, ["changed", owner ?? null, id, since ?? null, limit], async () => {
      try {
        if (since === undefined) {
          const { items } = await batch.items({ order: "newest", limit });
          return { keys: items.map(({ key }) => key), version };
        }
        const page = await batch.changes({ since, limit: CHANGES_MAX });
        return page.isResumable
          ? { keys: [...page.items, ...page.removals].map(({ key }) => key), version: page.version }
          : null;
      } catch (error) {
        if (error instanceof MilepostError && error.code === "NOT_FOUND") return null;
        throw error;
      }
    });
  }

  /** A document as it is now, in JSON; null: it is not there. */
  #document(reader: Reader, docId: string, readings: Readings): Promise<string | null> {
    const { owner, stream, documents } = reader;
    return once(readings, ["document", owner ?? null, stream.isOperators, docId], async () => {
      const item = await documents.find(docId);
      return item === undefined ? null : this.#textOf(reader, item);
    });
  }

  #textOf({ stream }: Reader, item: ItemSnapshot): string {
    const json = JSON.stringify(toWireDocument(toDocumentStatus(item, this.#milepost.clock.now())));
    return stream.isOperators ? json : this.#hide(json);
  }
}

function ownOf({ owner }: Reader): BatchOptions {
  return owner === undefined ? {} : { owner };
}

function once<T>(readings: Readings, of: readonly unknown[], read: () => Promise<T>): Promise<T> {
  const key = JSON.stringify(of);
  const known = readings.get(key) as Promise<T> | undefined;
  if (known !== undefined) return known;
  const reading = read();
  readings.set(key, reading);
  return reading;
}
