import { ApiError } from "./api-error.ts";
import type { Connection, Query } from "./connection.ts";
import { EventParser, type SentEvent } from "./event-parser.ts";

/** How a stream of events is followed. */
export interface StreamOptions {
  readonly signal?: AbortSignal;
  /** Told whenever the connection changes: `waiting` is a break, after which it comes back by itself. */
  readonly onState?: (state: StreamState) => void;
  /** A stream that brings nothing for so long, not even a heartbeat, is taken for dead. Default 45,000. */
  readonly silenceMs?: number;
}

/** How the connection of a stream is: `waiting` is a break, after which it comes back by itself. */
export type StreamState = "connecting" | "live" | "waiting";

const SILENCE_MS = 45_000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Refusals that may pass; all others would come again. */
const PASSING = [408, 425, 429];

/**
 * Events of an address for as long as there are any: comes back after every break with the last id, waiting longer and longer
 * while that fails, by chance a little more or less. Ends when the server says that there is nothing to come back for (204),
 * when the caller stops or `signal` aborts.
 *
 * @throws {ApiError} for a refusal that would come again
 */
export async function* readEvents(
  connection: Connection,
  path: string,
  options: StreamOptions & { readonly query?: Query },
): AsyncGenerator<SentEvent, void, undefined> {
  const { signal, query = {}, silenceMs = SILENCE_MS, onState } = options;
  const state: Resumable = { lastId: null, retryMs: RETRY_MS, failures: 0 };
  while (!signal?.aborted) {
    let retryAfterMs = 0;
    const attempt = new Attempt(silenceMs, signal);
    onState?.("connecting");
    try {
      const headers = {
        accept: "text/event-stream",
        ...(state.lastId !== null && { "last-event-id": state.lastId }),
      };
      const answer = await connection.open("GET", path, { query, headers, signal: attempt.signal });
      if (answer.status === 204 || answer.body === null) return;
      onState?.("live");
      yield* eventsOf(answer.body, attempt, state);
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.status < 500 && !PASSING.includes(error.status)) throw error;
        retryAfterMs = (error.retryAfter ?? 0) * 1_000;
      }
      // Anything else is a connection that broke.
    } finally {
      attempt.end();
    }
    const backOffMs = Math.min(RETRY_MAX_MS, state.retryMs * 2 ** Math.min(state.failures, 10));
    state.failures += 1;
    if (!signal?.aborted) onState?.("waiting");
    await pause(Math.max(retryAfterMs, backOffMs) * (0.5 + Math.random()), signal);
  }
}

interface Resumable {
  lastId: string | null;
  retryMs: number;
  /** Connections since one brought an event. */
  failures: number;
}

async function* eventsOf(
  body: ReadableStream<Uint8Array>,
  attempt: Attempt,
  state: Resumable,
): AsyncGenerator<SentEvent, void, undefined> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      attempt.expect();
      const { done, value } = await reader.read();
      // While the caller works on events, nothing is expected.
      attempt.relax();
      if (done) return;
      for (const event of parser.feed(decoder.decode(value, { stream: true }))) {
        state.failures = 0;
        state.lastId = event.id ?? state.lastId;
        yield event;
      }
      state.retryMs = parser.retryMs ?? state.retryMs;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** One connection, which is given up when it is silent for too long. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #silenceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(silenceMs: number, signal: AbortSignal | undefined) {
    this.#silenceMs = silenceMs;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort, { once: true });
    this.expect();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  expect(): void {
    this.relax();
    this.#timer = setTimeout(this.#abort, this.#silenceMs);
  }

  relax(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.relax();
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#abort();
  }
}

function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal?.addEventListener("abort", end, { once: true });
  });
}
