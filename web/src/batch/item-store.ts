import { ApiError, type ItemClient } from "../../../src/client/client.ts";
import type { WireItemDetail } from "../../../src/wire/item.ts";
import { Observable, type Schedule } from "../live/observable.ts";
import { type ShownProblem, showProblem } from "../words/problem.ts";
import type { ItemNews } from "./item-list.ts";

const EVERY_MS = 500;

/** One item with its attempts: read again when it has changed, at most twice a second. */
export class ItemStore extends Observable {
  readonly #client: Pick<ItemClient, "read">;
  readonly #id: string;
  #item: WireItemDetail | null = null;
  #problem: ShownProblem | null = null;
  #isGone = false;
  #isStopped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: {
    readonly client: Pick<ItemClient, "read">;
    readonly id: string;
    readonly schedule: Schedule;
  }) {
    super(options.schedule);
    this.#client = options.client;
    this.#id = options.id;
  }

  get item(): WireItemDetail | null {
    return this.#item;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  get problem(): ShownProblem | null {
    return this.#problem;
  }

  start(): void {
    void this.read();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  apply({ items, removals, isFresh }: ItemNews): void {
    if (removals.some(({ id }) => id === this.#id)) this.gone();
    else if (isFresh || items.some(({ id }) => id === this.#id))
      this.#timer ??= setTimeout(() => void this.read(), EVERY_MS);
  }

  gone(): void {
    this.#isGone = true;
    this.changed();
  }

  async read(): Promise<void> {
    this.#timer = undefined;
    try {
      const item = await this.#client.read();
      if (this.#isStopped) return;
      this.#item = item;
      this.#problem = null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#isGone = true;
      else this.#problem = showProblem(error);
    }
    this.changed();
  }
}
