import type { IncomingMessage } from "node:http";
import { refusal } from "../problems.ts";

/**
 * Lets so many requests be carried out at once and the others wait, unread, in their order. What a client that has left began counts
 * until all of it is cleaned up: so no storm of such clients can make more of it than the disk can bear.
 */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** @throws {Refusal} `malformed` if the client leaves before it is its turn */
  async run<T>(request: IncomingMessage, task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(request);
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
