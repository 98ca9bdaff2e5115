import type { World } from "./world.ts";

/** Keys whose submission was acknowledged to one process, by the id of their batch. */
export class Promised {
  readonly #keys = new Map<string, Set<string>>();

  acknowledge(batchId: string, keys: readonly string[]): void {
    const known = this.#keys.get(batchId) ?? new Set();
    for (const key of keys) known.add(key);
    this.#keys.set(batchId, known);
  }

  /** All of it is there, but for what an operator removed. */
  check(world: World): void {
    for (const [id, keys] of this.#keys) this.#checkBatch(world, id, keys);
  }

  #checkBatch(world: World, id: string, keys: ReadonlySet<string>): void {
    const { follower } = world.checks;
    if (follower.removed.has(id)) return;
    const row = follower.batches().find((batch) => batch.id === id);
    const there = new Set(row === undefined ? [] : follower.items(row.number).map(({ key }) => key));
    for (const key of keys) {
      if (!there.has(key) && !follower.removed.has(`${id} ${key}`))
        world.break("nothing acknowledged is lost", `${key} of batch ${id} is not there`);
    }
  }
}
