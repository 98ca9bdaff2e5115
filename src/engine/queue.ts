import { LIMITS } from "../core/limits.ts";
import { requireRule, requireWhole, TEXT } from "../core/options.ts";
import type { QueueSnapshot } from "../core/queue.ts";
import type { ControlCommand } from "../ports/store.ts";
import { giveCommand, type Halted, halt, notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";
import { Item } from "./item.ts";

/** A queue, by name. Holds no state: every call asks the store. Exists as soon as a batch was submitted to it. */
export class Queue {
  readonly name: string;
  readonly #deps: Deps;
  readonly #estimates: Estimates;

  constructor(deps: Deps, estimates: Estimates, name: string) {
    this.#deps = deps;
    this.#estimates = estimates;
    this.name = name;
  }

  /** @throws {MilepostError} `NOT_FOUND` */
  async snapshot(): Promise<QueueSnapshot> {
    const queues = await this.#deps.store.queues();
    const queue = queues.find((candidate) => candidate.name === this.name);
    if (queue === undefined) throw notFound(`queue ${this.name}`);
    return queue;
  }

  /** The item of this key in the newest batch of the queue, and of `owner`, if one is given, that has it. */
  item(key: string, options: { readonly owner?: string } = {}): Item {
    requireRule("the key of an item", key, TEXT);
    return new Item(
      { deps: this.#deps, estimates: this.#estimates },
      `item ${key} of queue ${this.name}`,
      async () => ({ queue: this.name, key, ...options }),
    );
  }

  /** Starts nothing new; what runs finishes. Resolves when every live worker has confirmed. */
  pause(): Promise<number> {
    return this.#give({ type: "pause", target: { queue: this.name } });
  }

  resume(): Promise<number> {
    return this.#give({ type: "resume", target: { queue: this.name } });
  }

  /** Pause, and what runs is aborted and returns to pending with what it saved. */
  stop(): Promise<number> {
    return this.#give({ type: "stop", target: { queue: this.name } });
  }

  /** Pauses or stops, waits at most `waitMs` for every worker to act on it, and says what is outstanding; the order stands. */
  halt(type: "pause" | "stop", options: { readonly waitMs: number }): Promise<Halted> {
    const command = { type, target: { queue: this.name } } as const;
    return halt({ deps: this.#deps, command, what: `queue ${this.name}`, waitMs: options.waitMs });
  }

  /** Cancels every batch of the queue that has not ended. */
  cancel(): Promise<number> {
    return this.#give({ type: "cancel", target: { queue: this.name } });
  }

  /** Deletes every batch of the queue. @throws {MilepostError} `CONFLICT` while one runs */
  remove(): Promise<number> {
    return this.#give({ type: "remove", target: { queue: this.name } });
  }

  /** Items that all workers together may hold at once; null for no limit. Takes effect with the next claims. */
  setConcurrency(concurrency: number | null): Promise<number> {
    if (concurrency !== null) requireWhole("concurrency", concurrency, 1, LIMITS.concurrency * 1_000);
    return this.#give({ type: "concurrency", target: { queue: this.name }, concurrency });
  }

  #give(command: ControlCommand): Promise<number> {
    return giveCommand(this.#deps, command, `queue ${this.name}`);
  }
}
