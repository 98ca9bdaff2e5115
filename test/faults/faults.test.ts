import { describe, expect, test } from "vitest";
import { ALL_FAULTS } from "./all-faults.ts";
import { perform } from "./support/fault.ts";

/** The quick ones; `npx node test/faults/run-all.ts` does all of them. */
const quick = ALL_FAULTS.filter(({ isSlow }) => isSlow !== true);

describe("faults", () => {
  for (const fault of quick) {
    const obstacle = fault.obstacle?.() ?? null;
    const title = `${fault.name}: ${obstacle === null ? fault.expected : `skipped, it ${obstacle}`}`;
    test.skipIf(obstacle !== null)(title, { timeout: 150_000 }, async () => {
      const { checks } = await perform(fault);
      expect(checks.filter(({ isRight }) => !isRight)).toEqual([]);
      expect(checks.length).toBeGreaterThan(0);
    });
  }

  test("every fault has a name of its own", () => {
    expect(new Set(ALL_FAULTS.map(({ name }) => name)).size).toBe(ALL_FAULTS.length);
  });
});
