import { itemText } from "./describe-call.ts";
import type { World } from "./world.ts";

/** Who holds an item, as the store says. */
export interface Holder {
  readonly worker: number;
  readonly token: number;
}

/** Every item that is held, and by whom. */
export async function holders(world: World): Promise<Map<number, Holder>> {
  const { store } = world;
  const held = new Map<number, Holder>();
  for (const { number: worker, held: count } of await store.sessions()) {
    if (count === 0) continue;
    for (const { item, token } of (await store.orders(worker, null)).held) {
      const other = held.get(item);
      if (other !== undefined)
        world.break("an item is never under two live leases", `${itemText(item)}: sessions ${other.worker}, ${worker}`);
      held.set(item, { worker, token });
    }
  }
  return held;
}
