import type { Range } from "../core/estimator/estimate.ts";
import { type Attempt, type ItemSnapshot, toAttempt, toItemSnapshot } from "../core/item.ts";
import { type Priority, toPriority } from "../core/priority.ts";
import type { ControlCommand, ItemDetail, ItemRef } from "../ports/store.ts";
import { giveCommand, notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";

type Simple = "hold" | "unhold" | "cancel";

/** One item. Holds no state: every call asks the store. */
export class Item {
  readonly #deps: Deps;
  readonly #estimates: Estimates;
  readonly #what: string;
  readonly #find: () => Promise<ItemRef | null>;

  constructor(
    parts: { readonly deps: Deps; readonly estimates: Estimates },
    what: string,
    find: () => Promise<ItemRef | null>,
  ) {
    this.#deps = parts.deps;
    this.#estimates = parts.estimates;
    this.#what = what;
    this.#find = find;
  }

  /**
   * The item now, and where it runs, the seconds that it has left. `withSaved`: and what its attempts saved.
   * @throws {MilepostError} `NOT_FOUND`
   */
  async snapshot(
    options: { readonly withSaved?: boolean } = {},
  ): Promise<ItemSnapshot & { readonly estimate: Range | null }> {
    const { item } = await this.#detail();
    return { ...toItemSnapshot(item, options), estimate: await this.#estimates.ofItem(item) };
  }

  /** Its attempts, oldest first, the current or last one at the end; at most the last ten or so. */
  async attempts(): Promise<readonly Attempt[]> {
    return (await this.#detail()).attempts.map(toAttempt);
  }

  /** Keeps a pending item pending until `unhold`. */
  hold(): Promise<number> {
    return this.#give("hold");
  }

  unhold(): Promise<number> {
    return this.#give("unhold");
  }

  /** Ends the item as cancelled, at once; where it runs, in whatever process, it is aborted and its late result refused. */
  cancel(): Promise<number> {
    return this.#give("cancel");
  }

  /**
   * Deletes the record. `endedBy`: only if it has ended by then.
   * @throws {MilepostError} `CONFLICT` while it runs, or if it has not ended by then
   */
  async remove({ endedBy }: { readonly endedBy?: Date } = {}): Promise<number> {
    const { item } = await this.#detail();
    return this.#command({
      type: "remove",
      target: { item: item.number },
      ...(endedBy !== undefined && { endedBy: endedBy.getTime() }),
    });
  }

  /** Deletes the record of a pending item. @throws {MilepostError} `CONFLICT` for one that runs or has ended */
  async clear(): Promise<number> {
    const { item } = await this.#detail();
    return this.#command({ type: "clear", target: { item: item.number } });
  }

  /** Failed or cancelled → pending, with a fresh budget of attempts. */
  async retry(): Promise<number> {
    const { item } = await this.#detail();
    return this.#command({ type: "retry", target: { item: item.number }, failedOnly: false });
  }

  /** Among the items of its batch; lower runs sooner. */
  async setPriority(priority: Priority): Promise<number> {
    const value = toPriority(priority);
    const { item } = await this.#detail();
    return this.#command({ type: "priority", target: { item: item.number }, priority: value });
  }

  async #give(type: Simple): Promise<number> {
    const { item } = await this.#detail();
    return this.#command({ type, target: { item: item.number } });
  }

  #command(command: ControlCommand): Promise<number> {
    return giveCommand(this.#deps, command, this.#what);
  }

  async #detail(): Promise<ItemDetail> {
    const ref = await this.#find();
    const detail = ref === null ? null : await this.#deps.store.item(ref);
    if (detail === null) throw notFound(this.#what);
    return detail;
  }
}
