import type { IncomingMessage } from "node:http";
import { refusal } from "../problems.ts";

/**
 * Lets so many requests be carried out at once, as many others wait, unread, in their order, and refuses the rest. What a client
 * began that has left counts until all of it is cleaned up: no storm of such clients can begin more than the disk can bear.
 */
export class Slots {
  #free: number;
  readonly #most: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#most = count;
    this.#free = count;
  }

  /** @throws {Refusal} `rate-limited`; `malformed` if the client leaves before it is its turn */
  async run<T>(request: IncomingMessage, task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else if (this.#waiting.size < this.#most) await this.#turn(request);
    else throw refusal("rate-limited", "more files are being sent in than can be taken; try again in a moment");
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #turn(request: IncomingMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(begin);
        reject(refusal("malformed", "the client left before the request was read"));
      };
      const begin = (): void => {
        this.#waiting.delete(begin);
        request.off("close", leave);
        resolve();
      };
      this.#waiting.add(begin);
      request.once("close", leave);
      if (request.destroyed) leave();
    });
  }
}
