import type { ItemRow } from "../../src/core/item.ts";
import type { ControlCommand, ControlResult } from "../../src/ports/store.ts";
import { visible } from "./batch-follower.ts";
import { itemText } from "./describe-call.ts";
import { holders } from "./holders.ts";
import type { World } from "./world.ts";

type Drain = Extract<ControlCommand, { readonly type: "drain" }>;
type Clear = Extract<ControlCommand, { readonly type: "clear" }>;

const LIMIT = 1_000;

/** Judges the commands that say of themselves what they change: that they did all of it, and nothing else. */
export class CommandChecks {
  readonly #world: World;
  /** Sessions that were told to claim nothing more. */
  readonly #draining = new Set<number>();

  constructor(world: World) {
    this.#world = world;
  }

  isDraining(session: number): boolean {
    return this.#draining.has(session);
  }

  async judge(command: ControlCommand, call: () => Promise<ControlResult>): Promise<ControlResult> {
    if (command.type === "drain") return this.#drain(command, call);
    if (command.type === "clear") return this.#clear(command, call);
    return call();
  }

  async #drain({ target: { worker } }: Drain, call: () => Promise<ControlResult>): Promise<ControlResult> {
    const { store } = this.#world;
    const before = await store.session(worker);
    const result = await call();
    const expected =
      before === null ? "not-found" : before.concurrency === 0 ? "wrong-state" : this.#draining.has(worker) ? 0 : 1;
    const found = result.ok ? result.changed : result.reason;
    if (found !== expected)
      this.#world.break("a drain says what it did", `session ${worker}: ${found}, expected ${expected}`);
    if (!result.ok) return result;
    this.#draining.add(worker);
    const after = await store.session(worker);
    if (JSON.stringify(after) !== JSON.stringify({ ...before, isDraining: true }))
      this.#world.break("a drain changes its session alone, and takes nothing from it", `session ${worker}`);
    return result;
  }

  async #clear({ target }: Clear, call: () => Promise<ControlResult>): Promise<ControlResult> {
    const { store, checks } = this.#world;
    const isOne = "item" in target;
    const batch = isOne ? checks.follower.batchOf(target.item) : checks.follower.batch(target.batch);
    // Nobody can tell here how far a batch is that is being removed in steps.
    if (batch === undefined || checks.follower.deletions > 0) return call();
    const before = checks.follower.items(batch.number);
    const heldBefore = await holders(this.#world);
    const result = await call();
    const isPending = (item: ItemRow): boolean => item.state === "pending" && (!isOne || item.number === target.item);
    const cleared = before.filter(isPending);
    const name = isOne ? itemText(target.item) : `batch ${batch.number}`;
    const expected = isOne && cleared.length === 0 ? "refused" : cleared.length;
    const found = result.ok ? result.changed : "refused";
    if (found !== expected)
      this.#world.break("a clear counts what it deletes", `${name}: ${found}, expected ${expected}`);
    const after = await store.items({ batch: batch.number, limit: LIMIT });
    const left = before.filter((item) => !isPending(item));
    if (textOf(after) !== textOf(left))
      this.#world.break("a clear deletes all that is pending and nothing else", `${name}: ${after.length} are left`);
    for (const { number } of cleared) heldBefore.delete(number);
    const heldAfter = await holders(this.#world);
    if (JSON.stringify([...heldAfter]) !== JSON.stringify([...heldBefore]))
      this.#world.break("a clear leaves what runs to those who hold it", name);
    return result;
  }
}

function textOf(items: readonly ItemRow[]): string {
  return JSON.stringify(items.toSorted((a, b) => a.number - b.number).map(visible));
}
