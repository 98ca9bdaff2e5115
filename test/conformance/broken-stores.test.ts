import { AssertionError } from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { createState } from "../../src/stores/memory/memory-state.ts";
import { memoryStoreOf } from "../../src/stores/memory/memory-store.ts";
import type { OpenStore } from "../../src/testing/conformance-case.ts";
import { CONFORMANCE } from "../../src/testing/describe-store.ts";
import { BROKEN_CLAIMS } from "./broken-claims.ts";
import { BROKEN_LIFECYCLES } from "./broken-lifecycles.ts";
import { BROKEN_REPORTS } from "./broken-reports.ts";
import { BROKEN_REQUESTS } from "./broken-requests.ts";
import type { BrokenStore } from "./broken-store.ts";

const CASES = new Map(
  Object.values(CONFORMANCE)
    .flat()
    .map((known) => [known.name, known]),
);

function openBroken(broken: BrokenStore): OpenStore {
  return async (clock) => {
    const state = createState(clock);
    const sound = memoryStoreOf(state);
    return {
      store: { ...sound, ...broken.breakIt(sound, state) },
      damage: async (number) => {
        const batch = state.batches.get(number);
        if (batch !== undefined) batch.counts = { ...batch.counts, completed: batch.counts.completed + 1 };
      },
      close: () => sound.close(),
    };
  };
}

// The suite is worth something only if it notices: each of these stores has one bug, and the named case must fail for it.
describe("the conformance suite notices that", () => {
  for (const broken of [...BROKEN_REPORTS, ...BROKEN_CLAIMS, ...BROKEN_LIFECYCLES, ...BROKEN_REQUESTS]) {
    it(broken.bug, async () => {
      const known = CASES.get(broken.caughtBy);
      if (known === undefined) throw new Error(`no case is named: ${broken.caughtBy}`);
      await expect(known.run(openBroken(broken))).rejects.toThrow(AssertionError);
    });
  }
});

it("the cases of the suite have names of their own", () => {
  expect(CASES.size).toBe(Object.values(CONFORMANCE).flat().length);
});
