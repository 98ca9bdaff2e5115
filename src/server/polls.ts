import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { BatchAnswer } from "./batch-answers.ts";
import { countOn } from "./connection-count.ts";
import type { RateLimit } from "./rate-limit.ts";

/** Nobody's session, address or rights change unnoticed for longer. */
const LASTS_MS = 1_000;
const POLLS_MAX = 10_000;

/** A request that was answered, and all of its answer. */
interface Poll {
  readonly answer: BatchAnswer;
  /** What would be answered now; a promise where that must be found out. */
  readonly ask: () => BatchAnswer | Promise<BatchAnswer>;
  readonly status: 200 | 304;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Whose requests it counts among; null: nobody counts them. */
  readonly counted: string | null;
  readonly until: number;
}

/**
 * Answers polls before they are routed. Who asks again and again where a batch stands sends the very same request, header for
 * header. If that was answered within the last second, and the batch has not changed, the very same answer is what every
 * check would lead to again, so it is given at once: most of what a poll costs is finding that out.
 */
export class Polls {
  readonly #rate: RateLimit;
  readonly #requestsPerConnection: number;
  readonly #polls = new Map<string, Poll>();
  /** How many answers were given here, by their status. */
  readonly given = { 200: 0, 304: 0 };

  constructor(parts: { readonly rate: RateLimit; readonly requestsPerConnection: number }) {
    this.#rate = parts.rate;
    this.#requestsPerConnection = parts.requestsPerConnection;
  }

  /** To be called with an answer that passed every check, as it is sent. */
  remember(
    request: FastifyRequest,
    reply: FastifyReply,
    poll: Pick<Poll, "answer" | "ask" | "counted"> & { readonly isKnown: boolean },
  ): void {
    const { answer, ask, counted, isKnown } = poll;
    const length = isKnown ? [] : [["content-length", Buffer.byteLength(answer.body)] as const];
    const headers = [...Object.entries(reply.getHeaders()), ...length].flatMap(([header, value]) => [
      header,
      `${value}`,
    ]);
    const name = nameOf(request.raw);
    this.#polls.delete(name);
    this.#polls.set(name, { answer, ask, counted, headers, status: isKnown ? 304 : 200, until: Date.now() + LASTS_MS });
    if (this.#polls.size <= POLLS_MAX) return;
    for (const [oldest] of this.#polls) {
      this.#polls.delete(oldest);
      break;
    }
  }

  /** A listener that answers what it can and leaves the rest to `next`. */
  before(next: RequestListener): RequestListener {
    return (request, response) => {
      if (!this.#answer(request, response)) next(request, response);
    };
  }

  #answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#polls.size === 0 || request.method !== "GET") return false;
    const name = nameOf(request);
    const poll = this.#polls.get(name);
    if (poll === undefined) return false;
    const now = Date.now();
    if (now >= poll.until) {
      this.#polls.delete(name);
      return false;
    }
    if (poll.ask() !== poll.answer) return false;
    if (poll.counted !== null && !this.#rate.hasRoom(poll.counted, now)) return false;
    if (countOn(request.socket, 0) + 1 >= this.#requestsPerConnection) return false;
    countOn(request.socket);
    if (poll.counted !== null) this.#rate.count(poll.counted, now);
    response.writeHead(poll.status, poll.headers as string[]);
    response.end(poll.status === 304 ? undefined : poll.answer.body);
    this.given[poll.status] += 1;
    return true;
  }
}

/** Tells a request from any that could be answered in another way. */
function nameOf({ url, rawHeaders }: IncomingMessage): string {
  return `${url}\n${rawHeaders.join("\n")}`;
}
