import { type IncomingMessage, request } from "node:http";
import { setTimeout } from "node:timers/promises";
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** An item as the feed told of it last. */
export interface ToldItem {
  readonly state: string;
  readonly version: number;
}

interface Told {
  readonly items?: readonly (ToldItem & { readonly key: string })[];
  readonly removals?: readonly { readonly key: string }[];
}

export interface FeedCopyOptions {
  /** Servers of the same store: at each break it goes on with the next. */
  readonly urls: readonly string[];
  readonly token: string;
  readonly batchId: string;
}

const RETRY_MS = 200;
/** A server that says nothing for so long is given up: it may be frozen, or its database out of reach. */
const SILENCE_MS = 6_000;
/** Told at the end of the stream, and by a server that has nothing to add. */
const NO_CONTENT = 204;

/**
 * A reader's copy of a batch, made of nothing but its event stream: from its beginning, resumed by cursor after each break, by
 * whichever server answers. If the feed has a gap, the copy differs from the store in the end.
 */
export class FeedCopy {
  readonly items = new Map<string, ToldItem>();
  /** Items that were told again in a version that had been told. */
  repeats = 0;
  /** Times that a server found no way on from a cursor that a server had given. */
  resets = 0;
  breaks = 0;
  readonly #options: FeedCopyOptions;
  #cursor: string | null = null;
  #isOver = false;
  #turn = 0;
  #open: IncomingMessage | null = null;

  constructor(options: FeedCopyOptions) {
    this.#options = options;
  }

  /** Follows until the batch has ended, or `close` is called. */
  async follow(): Promise<void> {
    while (!this.#isOver) {
      await this.#read().catch(() => {});
      if (this.#isOver) return;
      this.breaks += 1;
      this.#turn += 1;
      await setTimeout(RETRY_MS);
    }
  }

  close(): void {
    this.#isOver = true;
    this.#open?.destroy();
  }

  /** Breaks the stream; the copy goes on with another server. */
  cut(): void {
    this.#open?.destroy();
  }

  async #read(): Promise<void> {
    const { urls, token, batchId } = this.#options;
    const url = new URL(`/api/batches/${batchId}/events?items=all`, urls[this.#turn % urls.length]);
    const response = await answerOf(url, {
      authorization: `Bearer ${token}`,
      ...(this.#cursor !== null && { "last-event-id": this.#cursor }),
    });
    if (response.statusCode === NO_CONTENT) this.#isOver = true;
    if (response.statusCode !== 200) {
      response.resume();
      return;
    }
    this.#open = response;
    // A repeat within one stream is a defect; what was told without an id before a break is told again, and must be.
    const parser = createParser({ onEvent: (event) => this.#hear(event) });
    response.setEncoding("utf8");
    response.setTimeout(SILENCE_MS, () => response.destroy());
    for await (const text of response) parser.feed(text);
  }

  #hear({ event, id, data }: EventSourceMessage): void {
    const told = JSON.parse(data) as Told;
    if (event === "reset") {
      this.resets += 1;
      this.items.clear();
      this.#cursor = null;
    }
    // A stream that begins anew tells all items.
    if (event === "snapshot") this.items.clear();
    for (const { key, state, version } of told.items ?? []) {
      const known = this.items.get(key);
      if (known !== undefined && known.version > version) this.repeats += 1;
      this.items.set(key, { state, version });
    }
    for (const { key } of told.removals ?? []) this.items.delete(key);
    if (id !== undefined) this.#cursor = id;
    if (event === "end") this.#isOver = true;
  }
}

function answerOf(url: URL, headers: Record<string, string>): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const open = request(url, { agent: false, headers, timeout: SILENCE_MS });
  open.once("response", resolve);
  open.on("timeout", () => open.destroy(new Error("no answer")));
  open.on("error", reject);
  open.end();
  return promise;
}
