import type { NewItem } from "../../src/engine/submit.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { KINDS, STUCK } from "./handlers.ts";

/** Items to submit. `hasLimit`: their batch has a time limit, so that some may need it. */
export function drawItems(random: SeededRandom, count: number, hasLimit: boolean): readonly NewItem[] {
  const kinds = hasLimit ? [...KINDS, STUCK] : KINDS;
  return Array.from({ length: count }, () => {
    // Most items are well behaved, as in life; keys are few, so that they meet again.
    const kind = random.isTrue(0.6) ? (random.pick(["brisk", "steady"]) ?? "brisk") : (random.pick(kinds) ?? "brisk");
    const key = `${kind}-${random.whole(30)}`;
    return random.isTrue(0.5) ? key : { key, input: { size: count }, priority: random.between(-2, 2) };
  });
}
