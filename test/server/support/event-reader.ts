import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { createParser } from "eventsource-parser";
import { onTestFinished } from "vitest";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireDocument } from "../../../src/wire/document.ts";
import type { WireChangedItem } from "../../../src/wire/event.ts";
import { TOKEN } from "./start-server.ts";

/** An event as a parser that is not ours reads it. */
export interface ReadEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: {
    readonly batch: WireBatch;
    readonly batches: readonly WireBatch[];
    readonly items: readonly WireChangedItem[];
    readonly removals: readonly { readonly id: string; readonly key: string }[];
    readonly isLast: boolean;
    readonly batchId: string;
    readonly batchIds: readonly string[];
    readonly documents: readonly WireDocument[];
    readonly docIds: readonly string[];
    readonly isFirst: boolean;
  };
}

/** A reader of an event stream as the operator, unless other headers are given; closed when the test ends. */
export class EventReader {
  readonly response: IncomingMessage;
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  /** The last id that was read: what an EventSource would come back with. */
  lastId: string | undefined;
  /** Resolves when the connection is over, however it ended. */
  readonly ended: Promise<void>;
  readonly #request: ClientRequest;
  readonly #events: ReadEvent[] = [];
  #isOver = false;
  #wake: () => void = () => {};

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    const parser = createParser({
      onEvent: ({ event = "", id, data }) => {
        this.#events.push({ event, id, data: JSON.parse(data) });
        if (id !== undefined) this.lastId = id;
        this.#wake();
      },
      onComment: (comment) => {
        this.comments.push(comment);
        this.#wake();
      },
      onRetry: (retry) => void this.retries.push(retry),
    });
    response.setEncoding("utf8");
    response.on("data", (text: string) => parser.feed(text));
    response.on("error", () => {});
    this.ended = new Promise((resolve) => {
      response.once("close", () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      });
    });
  }

  static open(
    url: string | URL,
    headers: Record<string, string> = {},
    token: string | null = TOKEN,
  ): Promise<EventReader> {
    const sent = { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers };
    const open = request(url, { agent: false, headers: sent });
    onTestFinished(() => void open.destroy());
    return new Promise((resolve, reject) => {
      open.once("response", (response) => resolve(new EventReader(open, response)));
      open.on("error", reject);
      open.end();
    });
  }

  /** The next event, or null when the connection ended before one came. */
  async next(): Promise<ReadEvent | null> {
    await this.#until(() => this.#events.length > 0);
    return this.#events.shift() ?? null;
  }

  /** The next event with that name; those before it are dropped. @throws {Error} if the stream ends before */
  async nextNamed(event: string): Promise<ReadEvent> {
    for (;;) {
      const next = await this.next();
      if (next === null) throw new Error(`the stream ended without ${event}`);
      if (next.event === event) return next;
    }
  }

  async comment(): Promise<void> {
    await this.#until(() => this.comments.length > 0);
  }

  /** All events from here on until the connection is over. */
  async rest(): Promise<readonly ReadEvent[]> {
    await this.ended;
    return this.#events.splice(0);
  }

  close(): void {
    this.#request.destroy();
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone() && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
