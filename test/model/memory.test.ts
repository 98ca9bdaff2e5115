import { expect, it } from "vitest";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { checkHistories } from "./histories.ts";

it("any history of two workers and an operator leaves the memory store as the model says", async () => {
  await checkHistories(async (clock) => {
    const store = createMemoryStore({ clock });
    return { store, close: () => store.close() };
  }, 3_000);
});

it("the model notices a store that forgets crashes", async () => {
  const isNoticed = checkHistories(async (clock) => {
    const store = createMemoryStore({ clock });
    const reap: typeof store.reap = async (now, isDead) => {
      const dead = (await store.sessions()).filter((session) => isDead(session));
      for (const session of dead) await store.closeSession(session.number, now);
      return dead.length;
    };
    return { store: { ...store, reap }, close: () => store.close() };
  }, 500);
  await expect(isNoticed).rejects.toThrow(/seed: -?\d+/);
});
