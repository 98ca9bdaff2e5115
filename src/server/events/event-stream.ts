import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";

/** A reader that took nothing between so many heartbeats has gone or sleeps. */
const STALLS_MAX = 4;

/** One reader of events: a response that is written to until it ends. What it does not take in time cuts it off. */
export class EventStream {
  readonly closed: Promise<void>;
  /** False: what it is told must not say what only the operator may know. */
  readonly isOperators: boolean;
  readonly #response: ServerResponse;
  readonly #bufferBytes: number;
  #isOpen = true;
  #taken = 0;
  #stalls = 0;

  /** Answers the request; from here on nothing else may. */
  constructor(reply: FastifyReply, options: { readonly bufferBytes: number; readonly isOperators: boolean }) {
    reply.hijack();
    this.isOperators = options.isOperators;
    const response = reply.raw;
    this.#response = response;
    this.#bufferBytes = options.bufferBytes;
    // The end of the connection ends the stream: without chunks, the same bytes can be written to every reader as they are.
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    this.closed = new Promise((resolve) => {
      response.once("close", () => {
        this.#isOpen = false;
        resolve();
      });
    });
    // A reader that goes while it is written to is no error of anybody.
    response.on("error", () => this.cut());
    response.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    });
    response.flushHeaders();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes of a frame that many may share. A reader too far behind is cut; it can come back with the last id that it has. */
  write(frame: Buffer): void {
    if (!this.#isOpen) return;
    this.#response.write(frame);
    if (this.#response.writableLength > this.#bufferBytes) this.cut();
  }

  /** Resolves when the reader has taken what was written but for a little, or is gone. */
  async drained(): Promise<void> {
    if (!this.#isOpen || !this.#response.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once("drain", resolve);
    await Promise.race([promise, this.closed]);
    this.#response.off("drain", resolve);
  }

  /** A heartbeat; cuts a reader that is written to and takes nothing, even of the last words. */
  beat(frame: Buffer): void {
    const { socket, writableLength } = this.#response;
    const taken = (socket?.bytesWritten ?? 0) - writableLength;
    this.#stalls = writableLength > 0 && taken === this.#taken ? this.#stalls + 1 : 0;
    this.#taken = taken;
    if (this.#stalls >= STALLS_MAX) this.cut();
    else this.write(frame);
  }

  /** Ends the stream in order, after what was written. */
  end(frame?: Buffer): void {
    if (frame !== undefined) this.write(frame);
    if (this.#isOpen) this.#response.end();
    this.#isOpen = false;
  }

  /** Ends the connection at once and drops what the reader has not taken. */
  cut(): void {
    this.#isOpen = false;
    this.#response.destroy();
  }
}
