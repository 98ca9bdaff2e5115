import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../src/ports/store.ts";
import { createState, type MemoryState } from "../../src/stores/memory/memory-state.ts";
import { memoryStoreOf } from "../../src/stores/memory/memory-store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Room } from "./room.ts";
import { wholeClock } from "./whole-clock.ts";
import { type Violation, World } from "./world.ts";

export type StoreName = "memory" | "sqlite";

/** Replaces some of a sound memory store's methods by broken ones. */
export type BreakIt = (store: Store, state: MemoryState) => Partial<Store>;

export interface HistoryOptions {
  readonly seed: number;
  readonly store: StoreName;
  /** Runs the history on a store with a bug (memory only). */
  readonly breakIt?: BreakIt;
}

export interface History {
  readonly seed: number;
  readonly store: StoreName;
  /** Equal for two runs exactly if the same happened in both. */
  readonly hash: string;
  readonly events: number;
  /** Handlers that were run. */
  readonly runs: number;
  readonly simulatedMs: number;
  readonly violation: Violation | null;
  /** The last of what happened. */
  readonly tail: readonly string[];
}

/** Lives through the history of one seed, from an empty store to its end or to the first broken invariant. */
export async function runHistory(options: HistoryOptions): Promise<History> {
  const clock = new ManualClock();
  const opened = await openStore(options, clock);
  try {
    const world = new World(options.seed, clock, opened.store);
    await new Room(world).live();
    return {
      seed: options.seed,
      store: options.store,
      hash: world.journal.hash,
      events: world.journal.events,
      runs: world.ledger.runs,
      simulatedMs: clock.monotonic(),
      violation: world.violation,
      tail: world.journal.tail,
    };
  } finally {
    await opened.close();
  }
}

async function openStore(
  options: HistoryOptions,
  clock: ManualClock,
): Promise<{ readonly store: Store; readonly close: () => Promise<void> }> {
  if (options.store === "memory") {
    const state = createState(wholeClock(clock));
    const sound = memoryStoreOf(state);
    return { store: { ...sound, ...options.breakIt?.(sound, state) }, close: () => sound.close() };
  }
  const folder = mkdtempSync(join(tmpdir(), "milepost-simulation-"));
  const store = await openSqliteStore({ path: join(folder, "simulated.db"), clock: wholeClock(clock) });
  return {
    store,
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
