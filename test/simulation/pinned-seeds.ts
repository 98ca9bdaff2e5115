import type { StoreName } from "./history.ts";

/** Seeds whose histories once broke an invariant, and why. `npm test` runs them all. */
export const PINNED_SEEDS: readonly { readonly seed: number; readonly store: StoreName; readonly why: string }[] = [
  {
    seed: 14,
    store: "memory",
    why: "a claim whose answer was lost left its items with a worker that did not know of them",
  },
  { seed: 17, store: "memory", why: "a lease was forgotten when its batch could not be read before its start" },
  { seed: 28, store: "memory", why: "a lease whose batch was being read started after its pause had been confirmed" },
  {
    seed: 58,
    store: "memory",
    why: "a start whose answer was lost was repeated, refused, and never run or given back",
  },
  {
    seed: 76,
    store: "memory",
    why: "an item was a suspect no more after a mere failure, and its next crash went uncounted",
  },
  { seed: 130, store: "memory", why: "a claim that arrived after the stop set a timer that nothing cancelled" },
  { seed: 139, store: "memory", why: "a worker that thawed started items under a lease that had lapsed in the store" },
  { seed: 972, store: "memory", why: "a held item was taken from its dead worker and its crash went uncounted" },
];
