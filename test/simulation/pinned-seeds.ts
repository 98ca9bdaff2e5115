import type { StoreName } from "./history.ts";

/** Seeds whose histories break an invariant where a mended bug is put back, and why. `npm test` runs them all. */
export const PINNED_SEEDS: readonly { readonly seed: number; readonly store: StoreName; readonly why: string }[] = [
  {
    seed: 9,
    store: "memory",
    why: "a claim whose answer was lost left its items with a worker that did not know of them",
  },
  {
    seed: 14,
    store: "memory",
    why: "a claim under way brought items that started after their pause had been confirmed",
  },
  {
    seed: 45,
    store: "memory",
    why: "a start whose answer was lost was repeated, refused, and never run or given back",
  },
  {
    seed: 114,
    store: "memory",
    why: "a claim whose answer was lost left its items with a caller who tracks and did not know of them",
  },
  { seed: 146, store: "memory", why: "a worker that thawed started items under a lease that had lapsed in the store" },
  {
    seed: 2_001_369,
    store: "memory",
    why: "an engine that had answered workers outside did not close while its store was out of reach",
  },
  {
    seed: 2_004_082,
    store: "memory",
    why: "a caller's report on an item was tried again and again after its engine had closed",
  },
  { seed: 159, store: "memory", why: "a caller who tracks was told that what it had recorded was lost" },
  { seed: 3_025_722, store: "memory", why: "a late report of a remote worker took its item's progress back" },
  { seed: 3_019_043, store: "memory", why: "a server heard late what a worker had said before it died" },
  { seed: 3_008_157, store: "memory", why: "a remote worker slept over the answer to its claim" },
  { seed: 4_011_942, store: "memory", why: "a batch was removed before its worker heard that its queue was stopped" },
  {
    seed: 5_017_951,
    store: "memory",
    why: "a lease went to another worker while the answer to the claim before was under way",
  },
  { seed: 6_002_373, store: "memory", why: "a clock that was set in a pause put off a remote attempt's time limit" },
  { seed: 5_035_160, store: "memory", why: "a heartbeat by one server gave back what another was about to start" },
  { seed: 5_044_869, store: "memory", why: "a worker that drained slept, lost its session, and left by another" },
  {
    seed: 5_045_539,
    store: "memory",
    why: "a handler began when its batch, of a queue that was stopped, was gone already",
  },
  { seed: 8_023_850, store: "sqlite", why: "a submission took effect between two commits of a deletion" },
  { seed: 7_024_734, store: "memory", why: "a remote attempt's time limit was found over after its process had died" },
];
