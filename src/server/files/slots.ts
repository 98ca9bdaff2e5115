import type { IncomingMessage } from "node:http";
import { refusal } from "../problems.ts";

/**
 * Lets so many requests be carried out at once, as many others wait, unread, in their order, and refuses the rest; of one sender
 * sooner, so that nobody can take all places. What a client began that has left counts until all of it is cleaned up: no storm of
 * such clients can begin more than the disk can bear.
 */
export class Slots {
  #free: number;
  readonly #most: number;
  readonly #perSender: number;
  readonly #waiting = new Set<() => void>();
  /** Requests that are carried out or wait, by their senders. */
  readonly #bySender = new Map<string, number>();

  constructor({ count, perSender }: { readonly count: number; readonly perSender: number }) {
    this.#most = count;
    this.#free = count;
    this.#perSender = perSender;
  }

  /**
   * @param sender null: not counted
   * @throws {Refusal} `rate-limited`; `malformed` if the client leaves before it is its turn
   */
  async run<T>(request: IncomingMessage, sender: string | null, task: () => Promise<T>): Promise<T> {
    if (sender === null) return this.#run(request, task);
    const others = this.#bySender.get(sender) ?? 0;
    if (others >= this.#perSender) {
      throw refusal("rate-limited", `an address may have ${this.#perSender} uploads under way; wait for one to end`);
    }
    this.#bySender.set(sender, others + 1);
    try {
      return await this.#run(request, task);
    } finally {
      const left = (this.#bySender.get(sender) ?? 1) - 1;
      if (left > 0) this.#bySender.set(sender, left);
      else this.#bySender.delete(sender);
    }
  }

  async #run<T>(request: IncomingMessage, task: () => Promise<T>): Promise<T> {
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
