import type { FastifyReply } from "fastify";
import type { BatchSnapshot } from "../../core/batch.ts";
import { MilepostError } from "../../core/errors.ts";
import type { Batch } from "../../engine/batch.ts";
import type { Milepost } from "../../engine/milepost.ts";
import type { BatchOptions } from "../../engine/options.ts";
import type { EventItems } from "../../wire/event.ts";
import { refusal } from "../problems.ts";
import type { ServerLimits } from "../settings.ts";
import { Channel, type Hide } from "./channel.ts";
import { DocumentFeed } from "./document-feed.ts";
import { DocumentSurvey } from "./document-survey.ts";
import { EventStream } from "./event-stream.ts";
import { HEARTBEAT, toFrame, toRetryFrame } from "./frame.ts";
import { Overview, type Watched } from "./overview.ts";
import { Ticker } from "./ticker.ts";

/** Changes within this time are told together. */
const EVERY_MS = 50;
/** Without any commit, estimates are looked at so often; with many batches less often. */
const ESTIMATE_EVERY_MS = 1_000;
const ESTIMATE_COST_MS = 2;
/** Readers come back after a stream that ended by itself so soon; after a server that closed, spread over a while. */
const RETRY_MS = 1_000;
const RETRY_SPREAD_MS = 4_000;
/** What a closing hub gives readers to take its last words. */
const LAST_WORDS_MS = 1_000;
const RETRY_AFTER_S = 10;

interface OpenChannel {
  readonly channel: Channel;
  readonly batchId: string;
  /** Readers that are members or about to be. */
  readers: number;
}

/** Every event stream of a server. Looks at the store once for all of them, and only while there is one. */
export class EventHub {
  /** Tells readers of single documents. */
  readonly documents: DocumentFeed;
  /** Tells readers of all documents of an owner. */
  readonly allDocuments: DocumentSurvey;
  readonly #milepost: Milepost;
  readonly #limits: ServerLimits;
  readonly #hide: Hide;
  readonly #onError: (error: unknown) => void;
  readonly #streams = new Set<EventStream>();
  readonly #owned = new Map<string, number>();
  readonly #channels = new Map<string, OpenChannel>();
  readonly #overview: Overview;
  #ticker: Ticker | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: {
    readonly milepost: Milepost;
    readonly limits: ServerLimits;
    /** Takes out of what is told to sessions what only the operator may know. */
    readonly hide: Hide;
    readonly onError: (error: unknown) => void;
  }) {
    this.#milepost = options.milepost;
    this.#limits = options.limits;
    this.#hide = options.hide;
    this.#onError = options.onError;
    this.#overview = new Overview(options);
    this.documents = new DocumentFeed(options);
    this.allDocuments = new DocumentSurvey(options);
  }

  /** How many streams are open. */
  get size(): number {
    return this.#streams.size;
  }

  /**
   * Answers a request with a stream. `owner` is the session that it counts for; null: the operator, who has no limit.
   * @throws {Refusal} `rate-limited` if the session has as many as it may
   */
  open(reply: FastifyReply, owner: string | null): EventStream {
    const { streamsPerSession, streamBufferBytes, heartbeatMs } = this.#limits;
    const owned = owner === null ? 0 : (this.#owned.get(owner) ?? 0);
    if (owned >= streamsPerSession) {
      reply.header("retry-after", RETRY_AFTER_S);
      throw refusal("rate-limited", `a session may have ${streamsPerSession} event streams open; close one first`);
    }
    if (owner !== null) this.#owned.set(owner, owned + 1);
    const stream = new EventStream(reply, { bufferBytes: streamBufferBytes, isOperators: owner === null });
    this.#streams.add(stream);
    this.#heartbeat ??= setInterval(() => this.#beat(), heartbeatMs);
    void stream.closed.then(() => this.#forget(stream, owner));
    stream.write(toRetryFrame(RETRY_MS));
    if (this.#isClosed) stream.end();
    return stream;
  }

  /** Tells a reader of a batch from now on, or from a cursor. */
  async follow(
    stream: EventStream,
    options: {
      readonly batch: Batch;
      readonly snapshot: BatchSnapshot;
      readonly cursor: number | null;
      readonly items: EventItems;
    },
  ): Promise<void> {
    const { batch, snapshot, cursor, items } = options;
    // A batch has one owner, so that the handle of its first reader, with his reach, does for all sessions that may read it.
    const hide = stream.isOperators ? (json: string) => json : this.#hide;
    const key = `${snapshot.id} ${items === "none" ? "none" : "changed"} ${stream.isOperators}`;
    const open = this.#channels.get(key) ?? {
      channel: new Channel({ batch, snapshot, items, hide }),
      batchId: snapshot.id,
      readers: 0,
    };
    this.#channels.set(key, open);
    open.readers += 1;
    this.#startTicker();
    void stream.closed.then(() => {
      open.readers -= 1;
      if (open.readers > 0) return;
      this.#channels.delete(key);
      if (this.#channels.size === 0) this.#stopTicker();
    });
    try {
      await open.channel.admit(stream, cursor, items, snapshot.version);
    } catch (error) {
      if (isNotFound(error)) stream.end(toFrame("removed", JSON.stringify({ batchId: snapshot.id })));
      else {
        this.#onError(error);
        stream.cut();
      }
    }
  }

  /** Tells a reader of many batches; `missing` are those that it asked for and that are not there for it. */
  async survey(
    stream: EventStream,
    { watched, missing }: { readonly watched: Watched; readonly missing: readonly string[] },
  ): Promise<void> {
    try {
      if (missing.length > 0) stream.write(toFrame("removed", JSON.stringify({ batchIds: missing })));
      await this.#overview.admit(stream, watched);
    } catch (error) {
      this.#onError(error);
      stream.cut();
    }
  }

  /** Tells a reader of a document from now on, or from a cursor. */
  followDocument(stream: EventStream, of: Parameters<DocumentFeed["follow"]>[1]): void {
    try {
      this.documents.follow(stream, of);
    } catch (error) {
      this.#onError(error);
      stream.cut();
    }
  }

  /** Those of the batches that are there, as far as somebody reaches. */
  within(reach: BatchOptions, ids: readonly string[]): Promise<readonly string[]> {
    return this.#overview.within(reach, ids);
  }

  /** Ends every stream and asks its reader to come back. Resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTicker();
    this.#overview.close();
    this.allDocuments.close();
    const streams = [...this.#streams];
    for (const stream of streams) stream.end(toRetryFrame(RETRY_MS + Math.floor(Math.random() * RETRY_SPREAD_MS)));
    const late = setTimeout(() => {
      for (const stream of streams) stream.cut();
    }, LAST_WORDS_MS);
    await Promise.all(streams.map((stream) => stream.closed));
    clearTimeout(late);
  }

  #forget(stream: EventStream, owner: string | null): void {
    this.#streams.delete(stream);
    if (this.#streams.size === 0 && this.#heartbeat !== null) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = null;
    }
    if (owner === null) return;
    const left = (this.#owned.get(owner) ?? 1) - 1;
    if (left === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, left);
  }

  #beat(): void {
    for (const stream of this.#streams) stream.beat(HEARTBEAT);
  }

  #startTicker(): void {
    this.#ticker ??= new Ticker(this.#milepost, {
      everyMs: EVERY_MS,
      idleMs: ESTIMATE_EVERY_MS,
      task: () => this.#look(),
      onError: this.#onError,
    });
  }

  #stopTicker(): void {
    this.#ticker?.stop();
    this.#ticker = null;
  }

  /** One read says which batches changed; only those, and those whose estimate may have moved, are read themselves. */
  async #look(): Promise<void> {
    const open = [...this.#channels.values()];
    const versions = await this.#milepost.versions([...new Set(open.map(({ batchId }) => batchId))]);
    const since = performance.now() - Math.max(ESTIMATE_EVERY_MS, open.length * ESTIMATE_COST_MS);
    for (const { channel, batchId } of open) {
      const version = versions.get(batchId);
      if (version === undefined) channel.leave();
      else if (!channel.isCurrent(version, since)) {
        // Not waited for: a channel that sends much holds up no other.
        channel.look().catch((error: unknown) => {
          if (isNotFound(error)) channel.leave();
          else this.#onError(error);
        });
      }
    }
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof MilepostError && error.code === "NOT_FOUND";
}
