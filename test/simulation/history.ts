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
    const world = new World({ seed: options.seed, clock, store: opened.store, settle: opened.settle });
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

interface OpenedStore {
  readonly store: Store;
  /** Lets everything run that waits for no timer. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Promises settle in microtasks, and a tick comes when those are done. */
const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
/** SQLite lets the event loop turn between two steps of a removal. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function openStore(options: HistoryOptions, clock: ManualClock): Promise<OpenedStore> {
  if (options.store === "memory") {
    const state = createState(wholeClock(clock));
    const sound = memoryStoreOf(state);
    return { store: { ...sound, ...options.breakIt?.(sound, state) }, settle: tick, close: () => sound.close() };
  }
  const folder = mkdtempSync(join(tmpdir(), "milepost-simulation-"));
  const store = await openSqliteStore({ path: join(folder, "simulated.db"), clock: wholeClock(clock) });
  return {
    store,
    settle: turn,
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
