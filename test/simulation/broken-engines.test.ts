import { describe, expect, it } from "vitest";
import type { BrokenEngine } from "./broken-engine.ts";
import { BROKEN_ENGINES } from "./broken-engines.ts";
import { runHistory } from "./history.ts";

/** So many histories at the most until a bug must be found. */
const SEEDS_MAX = 200;

/** The first seed that finds the bug, and the invariant it found broken. */
async function find(broken: BrokenEngine): Promise<{ readonly seed: number; readonly invariant: string } | null> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { violation } = await runHistory({ ...broken, seed, store: "memory" });
    if (violation !== null) return { seed, invariant: violation.invariant };
  }
  return null;
}

// The simulation is worth something only if it notices: each of these engines has one bug.
describe(`in at most ${SEEDS_MAX} histories the simulation finds that`, () => {
  for (const broken of BROKEN_ENGINES) {
    it(broken.bug, async ({ annotate }) => {
      const found = await find(broken);
      if (found !== null) await annotate(`seed ${found.seed}: ${found.invariant}`);
      expect(broken.breaks).toContain(found?.invariant);
    });
  }
});
