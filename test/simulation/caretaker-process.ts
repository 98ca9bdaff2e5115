import type { ItemRow } from "../../src/core/item.ts";
import { sessionNumberOf } from "../../src/engine/remote/remote-session.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import { BystanderProcess } from "./bystander-process.ts";
import type { World } from "./world.ts";

/** A process that drains workers and clears what waits: sometimes at the very time when it is claimed or begins. */
export class CaretakerProcess extends BystanderProcess {
  constructor(world: World, random: SeededRandom) {
    super(world, random, 800);
  }

  protected override act(): Promise<void> {
    return this.random.isTrue(0.4) ? this.#drain() : this.#clear();
  }

  async #drain(): Promise<void> {
    const { process } = this;
    const { world } = process;
    const workers = await attempt(process, "workers", () => process.milepost.workers());
    const worker = this.random.pick(workers ?? []);
    if (worker === undefined) return;
    const untilLeft = this.random.isTrue(0.3);
    const waitMs = this.random.between(0, 3_000);
    const order = { untilLeft, ...(this.random.isTrue(0.5) && { waitMs }) };
    const drained = await attempt(process, "drain", () => process.milepost.drain(worker.id, order));
    if (drained?.isConfirmed !== true) return;
    const number = sessionNumberOf(worker.id);
    world.ledger.drained(number);
    const isThere = (await world.store.session(number)) !== null;
    if (drained.hasLeft && isThere) world.break("who was seen to leave has left", `session ${number}`);
  }

  async #clear(): Promise<void> {
    const { process } = this;
    const { follower } = process.world.checks;
    const row = this.random.pick(follower.batches());
    if (row === undefined) return;
    const item = this.random.isTrue(0.6) ? undefined : this.#anyItem(follower.items(row.number));
    if (item === undefined) await attempt(process, "clear", () => process.milepost.batch(row.id).clear());
    else await attempt(process, "clear", () => process.milepost.item(item.id).clear());
  }

  /** One that waits, most often. */
  #anyItem(items: readonly ItemRow[]): ItemRow | undefined {
    return this.random.pick(items.filter(({ state }) => state === "pending" || this.random.isTrue(0.2)));
  }
}
