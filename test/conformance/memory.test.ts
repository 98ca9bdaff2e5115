import { createState } from "../../src/stores/memory/memory-state.ts";
import { memoryStoreOf } from "../../src/stores/memory/memory-store.ts";
import { describeStore } from "../../src/testing/describe-store.ts";

describeStore(
  "memory store",
  async (clock) => {
    const state = createState(clock);
    const store = memoryStoreOf(state);
    return {
      store,
      damage: async (number) => {
        const batch = state.batches.get(number);
        if (batch === undefined) return;
        batch.counts = { ...batch.counts, completed: batch.counts.completed + 1 };
      },
      close: () => store.close(),
    };
  },
  ["reopen"],
);
