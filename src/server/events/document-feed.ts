import { isUuid } from "../../core/ids.ts";
import type { ItemSnapshot } from "../../core/item.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { toDocumentStatus } from "../../views/document-status.ts";
import { Documents } from "../../views/documents.ts";
import { type DocumentEvents, toWireDocument } from "../../wire/document.ts";
import type { Hide } from "./channel.ts";
import type { EventStream } from "./event-stream.ts";
import { toFrame } from "./frame.ts";
import { Ticker } from "./ticker.ts";

/** Changes within this time are told as one; without a hint of any, documents are looked at so often. */
const EVERY_MS = 100;
const IDLE_MS = 1_000;
const READ_AT_ONCE = 20;

/** Whose documents are read; undefined: everybody's. */
export type DocumentsOwner = string | undefined;

/** Up to where a reader has been told: the item that stands for the document, and the version that changed it last. */
export interface DocumentCursor {
  readonly itemId: string;
  readonly version: number;
}

interface Channel {
  readonly documents: Documents;
  readonly docId: string;
  readonly isOperators: boolean;
  readonly members: Map<EventStream, DocumentCursor>;
}

/** The cursor in the id of an event; null for a text that is none. */
export function documentCursorFrom(text: string): DocumentCursor | null {
  const [itemId = "", version = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isUuid(itemId) || !/^\d{1,15}$/.test(version)) return null;
  return { itemId, version: Number(version) };
}

/**
 * Readers of single documents. A document is one item, so that its latest state is all that there is to tell: each reader gets it as
 * often as its version rises, and again after a break, if that was missed. Each document is read once for all of its readers.
 */
export class DocumentFeed {
  readonly #milepost: Milepost;
  readonly #hide: Hide;
  readonly #onError: (error: unknown) => void;
  readonly #channels = new Map<string, Channel>();
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

  /** The item that stands for a document now. */
  find(owner: DocumentsOwner, docId: string): Promise<ItemSnapshot | undefined> {
    return new Documents(this.#milepost, owner).find(docId);
  }

  /** Tells a reader of a document from now on, or from a cursor; `item` is as it was found. */
  follow(
    stream: EventStream,
    of: {
      readonly owner: DocumentsOwner;
      readonly docId: string;
      readonly item: ItemSnapshot;
      readonly cursor: DocumentCursor | null;
    },
  ): void {
    const { owner, docId, item, cursor } = of;
    const isOnTheWay = cursor !== null && cursor.itemId === item.id && cursor.version <= item.version;
    if (cursor !== null && !isOnTheWay) stream.write(frameOf("reset", { reason: "cursor" }));
    const channel = this.#open(stream, owner, docId);
    if (!isOnTheWay) stream.write(this.#frame(channel, "snapshot", item));
    channel.members.set(stream, isOnTheWay ? cursor : cursorOf(item));
    void stream.closed.then(() => {
      channel.members.delete(stream);
      this.#forgetUnread();
    });
    this.#tell(channel, item);
  }

  #open(stream: EventStream, owner: DocumentsOwner, docId: string): Channel {
    const key = keyOf(stream.isOperators, docId, owner);
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const { isOperators } = stream;
    const documents = new Documents(this.#milepost, owner);
    const channel = { documents, docId, isOperators, members: new Map<EventStream, DocumentCursor>() };
    this.#channels.set(key, channel);
    this.#ticker ??= new Ticker(this.#milepost, {
      everyMs: EVERY_MS,
      idleMs: IDLE_MS,
      task: () => this.#look(),
      onError: this.#onError,
    });
    return channel;
  }

  #forgetUnread(): void {
    for (const [key, { members }] of this.#channels) if (members.size === 0) this.#channels.delete(key);
    if (this.#channels.size > 0) return;
    this.#ticker?.stop();
    this.#ticker = null;
  }

  async #look(): Promise<void> {
    const channels = [...this.#channels.values()];
    for (let at = 0; at < channels.length; at += READ_AT_ONCE) {
      await Promise.all(channels.slice(at, at + READ_AT_ONCE).map((channel) => this.#lookAt(channel)));
    }
  }

  async #lookAt(channel: Channel): Promise<void> {
    const item = await channel.documents.find(channel.docId);
    if (item !== undefined) this.#tell(channel, item);
    else this.#endAll(channel, frameOf("removed", { docId: channel.docId }));
  }

  /** Tells those members who do not know it yet how the document is now. */
  #tell(channel: Channel, item: ItemSnapshot): void {
    let frame: Buffer | null = null;
    for (const [stream, told] of channel.members) {
      // Another item of the same document is another state of it; of the same one, an older state was read earlier and came later.
      if (told.itemId === item.id && told.version >= item.version) continue;
      frame ??= this.#frame(channel, "changes", item);
      stream.write(frame);
      channel.members.set(stream, cursorOf(item));
    }
    if (item.endedAt !== null) this.#endAll(channel, this.#frame(channel, "end", item));
  }

  #endAll(channel: Channel, frame: Buffer): void {
    for (const stream of channel.members.keys()) stream.end(frame);
    channel.members.clear();
    this.#forgetUnread();
  }

  #frame({ isOperators }: Channel, name: "snapshot" | "changes" | "end", item: ItemSnapshot): Buffer {
    const document = toWireDocument(toDocumentStatus(item, this.#milepost.clock.now()));
    const json = JSON.stringify({ document } satisfies DocumentEvents[typeof name]);
    const { itemId, version } = cursorOf(item);
    return toFrame(name, isOperators ? json : this.#hide(json), `${itemId}/${version}`);
  }
}

function cursorOf({ id, version }: ItemSnapshot): DocumentCursor {
  return { itemId: id, version };
}

function frameOf<Name extends "reset" | "removed">(name: Name, data: DocumentEvents[Name]): Buffer {
  return toFrame(name, JSON.stringify(data));
}

function keyOf(isOperators: boolean, docId: string, owner: DocumentsOwner): string {
  return JSON.stringify([isOperators, owner ?? null, docId]);
}
