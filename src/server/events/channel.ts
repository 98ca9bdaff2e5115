import { setImmediate, setTimeout } from "node:timers/promises";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { Batch, ChangesPage } from "../../engine/batch.ts";
import { toWireBatch, type WireBatch } from "../../wire/batch.ts";
import { type BatchEvents, type EventItems, toWireChangedItem } from "../../wire/event.ts";
import type { EventStream } from "./event-stream.ts";
import { inPieces, toFrame } from "./frame.ts";

const PAGE_ITEMS = 1_000;
/** Items of one event, in characters of JSON: what is larger goes in several, of which only the last has an id. */
const FRAME_CHARACTERS = 131_072;
/** How long those who keep up wait for those who do not, before the next part of a long change is sent: so many turns. */
const PACE_TURNS = 10;
const PACE_TURN_MS = 25;
/** A finish that moved by less is the same to people. */
const MOVED_MS = 1_000;

/** Takes out of a text in JSON what the readers of a channel may not know of. */
export type Hide = (json: string) => string;

/** One change as bytes. Only its last part has an id: a reader that was cut before it is told all of the change again. */
interface Frames {
  readonly parts: readonly Buffer[];
  readonly last: Buffer;
}

/**
 * All readers of one batch. What happens is read once and encoded once, whatever their number.
 *
 * The channel stands at one version, its cursor: each of its readers has been told everything up to it and nothing after it. A
 * reader that comes is told what it misses up to the cursor and joins in the same turn, so that it neither misses nor repeats.
 */
export class Channel {
  readonly #batch: Batch;
  readonly #hasItems: boolean;
  readonly #hide: Hide;
  readonly #members = new Set<EventStream>();
  readonly #reads = new Map<number, Promise<ChangesPage>>();
  #cursor: number;
  /** Whether the cursor came from the feed, and so will stay: a snapshot may show what a crash of the store's server undoes. */
  #isCursorFirm = false;
  #shown: WireBatch;
  /** The batch as JSON: of the same bytes is made what is sent and what newcomers are told. */
  #batchJson: string;
  #snapshotFrame: Buffer | null = null;
  #presentFrame: Buffer | null = null;
  #lookedAt = performance.now();
  #looking: Promise<void> | null = null;
  #mustLookAgain = false;
  /** Set while a change goes out in parts: nobody can join between two of them. */
  #parts: Promise<void> | null = null;
  #missed: { readonly page: ChangesPage; readonly upTo: number; readonly frames: Frames } | null = null;

  constructor(options: {
    readonly batch: Batch;
    readonly snapshot: BatchSnapshot;
    readonly items: EventItems;
    readonly hide: Hide;
  }) {
    this.#batch = options.batch;
    this.#hide = options.hide;
    this.#hasItems = options.items !== "none";
    this.#shown = toWireBatch(options.snapshot);
    this.#batchJson = this.#hide(JSON.stringify(this.#shown));
    this.#cursor = options.snapshot.version;
  }

  /** True if it shows that version and was looked at after the moment, which is on the clock of `performance.now()`. */
  isCurrent(version: number, sinceMs: number): boolean {
    return version === this.#cursor && this.#shown.version === version && this.#lookedAt >= sinceMs;
  }

  /**
   * Tells a reader what it has missed and makes it a member. Resolves once it is one, or is gone.
   * @param known the version that the reader should at least be shown
   */
  async admit(stream: EventStream, cursor: number | null, items: EventItems, known: number): Promise<void> {
    while (this.#cursor < known && stream.isOpen) await this.look();
    if (this.#hasItems && !this.#isCursorFirm) {
      await this.#batch.changes({ since: this.#cursor, limit: 1 });
      this.#isCursorFirm = true;
    }
    if (cursor !== null && (await this.#resume(stream, cursor))) return;
    if (cursor !== null) stream.write(toFrame("reset", encode<"reset">({ reason: "cursor" })));
    await this.#begin(stream, items);
  }

  /** Reads what happened since the last look and tells it. One look at a time; asked for meanwhile, it looks once more. */
  look(): Promise<void> {
    this.#mustLookAgain = this.#looking !== null;
    this.#looking ??= this.#look();
    return this.#looking;
  }

  /** The batch is not there any more. */
  leave(): void {
    this.#endAll(toFrame("removed", encode<"removed">({ batchId: this.#shown.id })));
  }

  async #look(): Promise<void> {
    try {
      do await this.#lookOnce();
      while (this.#mustLookAgain && this.#members.size > 0);
    } finally {
      this.#looking = null;
    }
  }

  async #lookOnce(): Promise<void> {
    this.#mustLookAgain = false;
    this.#lookedAt = performance.now();
    // In this order: the batch shown is never older than the items told of.
    const page = this.#hasItems ? await this.#batch.changes({ since: this.#cursor, limit: PAGE_ITEMS }) : null;
    const snapshot = await this.#batch.snapshot();
    if (page?.isResumable === false) {
      // What is gone from the feed cannot be told; whoever comes back learns that by its own cursor.
      this.#endAll();
      this.#show(snapshot);
      this.#cursor = snapshot.version;
      this.#isCursorFirm = false;
      return;
    }
    await this.#tell(page, snapshot);
    this.#mustLookAgain ||= page !== null && (page.hasMore || snapshot.version > page.version);
  }

  async #tell(page: ChangesPage | null, snapshot: BatchSnapshot): Promise<void> {
    const version = page?.version ?? snapshot.version;
    const isNews = version > this.#cursor || hasMoved(this.#shown, snapshot);
    if (!isNews) return;
    this.#show(snapshot);
    if (version === this.#cursor) {
      this.#send(this.#changesFrame([], []));
      return;
    }
    const { parts, last } = this.#framesOf({ items: page?.items ?? [], removals: page?.removals ?? [], version });
    if (parts.length > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#parts = promise;
      for (const part of parts) {
        this.#send(part);
        await this.#keepPace();
      }
      this.#parts = null;
      resolve();
    }
    this.#send(last);
    this.#cursor = version;
    if (page?.hasMore === true) await this.#keepPace();
    else this.#endIfOver();
  }

  #show(snapshot: BatchSnapshot): void {
    this.#shown = toWireBatch(snapshot);
    this.#batchJson = this.#hide(JSON.stringify(this.#shown));
    this.#snapshotFrame = null;
    this.#presentFrame = null;
  }

  #send(frame: Buffer): void {
    for (const stream of this.#members) {
      stream.write(frame);
      if (!stream.isOpen) this.#members.delete(stream);
    }
  }

  async #keepPace(): Promise<void> {
    let isDrained = false;
    const drained = Promise.all(Array.from(this.#members, (stream) => stream.drained())).then(() => {
      isDrained = true;
    });
    // In turns: where this process was held up, readers must not pay for it with their time.
    for (let turn = 0; turn < PACE_TURNS && !isDrained; turn++) {
      const over = new AbortController();
      await Promise.race([drained, setTimeout(PACE_TURN_MS, undefined, over).catch(() => {})]);
      over.abort();
      await setImmediate();
    }
  }

  /** False: there is no way on from the cursor. */
  async #resume(stream: EventStream, since: number): Promise<boolean> {
    for (let cursor = since; stream.isOpen; ) {
      const page = await this.#changesSince(cursor);
      if (!page.isResumable) return false;
      if (this.#parts !== null) await this.#parts;
      else if (cursor > this.#cursor) await this.look();
      else {
        const upTo = Math.min(page.version, this.#cursor);
        const { parts, last } = this.#missedOf(page, { since: cursor, upTo });
        if (parts.length === 0 && page.version >= this.#cursor) {
          stream.write(last);
          this.#join(stream);
          return true;
        }
        for (const frame of [...parts, last]) {
          stream.write(frame);
          await stream.drained();
        }
        cursor = upTo;
      }
    }
    return true;
  }

  async #begin(stream: EventStream, items: EventItems): Promise<void> {
    while (this.#parts !== null) await this.#parts;
    if (items !== "all") {
      this.#snapshotFrame ??= toFrame("snapshot", `{"batch":${this.#batchJson}}`, this.#cursor);
      stream.write(this.#snapshotFrame);
      this.#join(stream);
      return;
    }
    // Without an id until all items are told: a reader that is cut before that begins anew.
    const cursor = this.#cursor;
    stream.write(toFrame("snapshot", `{"batch":${this.#batchJson}}`));
    for (let after: string | null | undefined; after !== null && stream.isOpen; ) {
      const page = await this.#batch.items({ limit: PAGE_ITEMS, ...(after !== undefined && { after }) });
      for (const piece of inPieces(this.#textsOf(page.items), FRAME_CHARACTERS)) {
        stream.write(toFrame("items", `{"items":[${piece.join(",")}],"isLast":false}`));
        await stream.drained();
      }
      after = page.nextCursor;
    }
    stream.write(toFrame("items", encode<"items">({ items: [], isLast: true }), cursor));
    if (!(await this.#resume(stream, cursor))) stream.end();
  }

  #join(stream: EventStream): void {
    this.#members.add(stream);
    void stream.closed.then(() => this.#members.delete(stream));
    this.#endIfOver();
  }

  /** A page since `cursor` is read once for all who come back with it at the same time. */
  #changesSince(cursor: number): Promise<ChangesPage> {
    if (!this.#hasItems) {
      const version = this.#cursor;
      return Promise.resolve({ isResumable: cursor <= version, items: [], removals: [], version, hasMore: false });
    }
    let read = this.#reads.get(cursor);
    if (read === undefined) {
      read = this.#batch.changes({ since: cursor, limit: PAGE_ITEMS }).finally(() => this.#reads.delete(cursor));
      this.#reads.set(cursor, read);
    }
    return read;
  }

  /** Of a page, what lies up to the cursor: the rest comes to all members at once. Made once for all who miss the same. */
  #missedOf(page: ChangesPage, { since, upTo }: { readonly since: number; readonly upTo: number }): Frames {
    if (since === upTo) {
      this.#presentFrame ??= this.#changesFrame([], []);
      return { parts: [], last: this.#presentFrame };
    }
    if (this.#missed?.page !== page || this.#missed.upTo !== upTo) {
      const isDue = ({ version }: { readonly version: number }): boolean => version <= upTo;
      const due = { items: page.items.filter(isDue), removals: page.removals.filter(isDue), version: upTo };
      this.#missed = { page, upTo, frames: this.#framesOf(due) };
    }
    return this.#missed.frames;
  }

  #framesOf({ items, removals, version }: Pick<ChangesPage, "items" | "removals" | "version">): Frames {
    const pieces = inPieces(this.#textsOf(items), FRAME_CHARACTERS);
    const gone = inPieces(
      removals.map((removal) => this.#hide(JSON.stringify(removal))),
      FRAME_CHARACTERS,
    );
    return {
      parts: [
        ...pieces.slice(0, -1).map((piece) => this.#changesFrame(piece, [])),
        ...gone.slice(0, -1).map((piece) => this.#changesFrame([], piece)),
      ],
      last: this.#changesFrame(pieces.at(-1) ?? [], gone.at(-1) ?? [], version),
    };
  }

  #changesFrame(items: readonly string[], removals: readonly string[], id?: number): Buffer {
    const json = `{"batch":${this.#batchJson},"items":[${items.join(",")}],"removals":[${removals.join(",")}]}`;
    return toFrame("changes", json, id);
  }

  #textsOf(items: ChangesPage["items"]): readonly string[] {
    return items.map((item) => this.#hide(JSON.stringify(toWireChangedItem(item))));
  }

  #endIfOver(): void {
    if (this.#shown.endedAt === null || this.#shown.version !== this.#cursor) return;
    this.#endAll(toFrame("end", `{"batch":${this.#batchJson}}`, this.#cursor));
  }

  #endAll(frame?: Buffer): void {
    for (const stream of this.#members) stream.end(frame);
    this.#members.clear();
  }
}

function encode<Name extends keyof BatchEvents>(data: BatchEvents[Name]): string {
  return JSON.stringify(data);
}

/** Whether the finish that is expected is another than the one shown, though nothing was recorded: a stall moves it on. */
function hasMoved(shown: WireBatch, now: BatchSnapshot): boolean {
  if (shown.noEstimate?.reason !== now.noEstimate?.reason) return true;
  const was = shown.estimate === null ? 0 : Date.parse(shown.estimate.finishAt);
  return Math.abs((now.estimate?.finishAt.getTime() ?? 0) - was) >= MOVED_MS;
}
