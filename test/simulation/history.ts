import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../src/ports/store.ts";
import { createState, type MemoryState } from "../../src/stores/memory/memory-state.ts";
import { memoryStoreOf } from "../../src/stores/memory/memory-store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/sqlite-store.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Room } from "./room.ts";
import { wholeClock } from "./whole-clock.ts";
import { type StoreParts, type Violation, World } from "./world.ts";

export type StoreName = "memory" | "sqlite";

/** Replaces some of a sound memory store's methods by broken ones. */
export type BreakIt = (store: Store, state: MemoryState) => Partial<Store>;

export interface HistoryOptions {
  readonly seed: number;
  readonly store: StoreName;
  /** Runs the history on a store with a bug (memory only). */
  readonly breakIt?: BreakIt;
  /** What goes wrong in the store whenever it restarts (memory only). */
  readonly breakRestart?: (state: MemoryState) => void;
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
  const room = options.store === "memory" ? memoryRoom(options, clock) : await sqliteRoom(clock);
  try {
    const world = new World({ seed: options.seed, clock, ...room });
    await hearing(world, () => new Room(world).live());
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
    await room.close();
  }
}

/** Whatever fails in the engine is told to somebody: a rejection that nobody handles ends a process. */
async function hearing(world: World, live: () => Promise<void>): Promise<void> {
  const hear = (reason: unknown): void => world.break("no rejection goes unhandled", String(reason));
  process.on("unhandledRejection", hear);
  try {
    await live();
    // They are told when nothing is left to do at once.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("unhandledRejection", hear);
  }
}

interface StoreRoom extends StoreParts {
  readonly close: () => Promise<void>;
}

/** A store that outlives its processes as a server's memory would. */
function memoryRoom(options: HistoryOptions, clock: ManualClock): StoreRoom {
  const state = createState(wholeClock(clock));
  const open = (): Store => {
    const sound = memoryStoreOf(state);
    return { ...sound, ...options.breakIt?.(sound, state) };
  };
  const store = open();
  return {
    store,
    reopen: async () => {
      options.breakRestart?.(state);
      return open();
    },
    // Promises settle in microtasks, and a tick comes when those are done.
    settle: () => new Promise((resolve) => process.nextTick(resolve)),
    close: () => store.close(),
  };
}

/** Of the event loop, until what was begun with a promise has come to its end. */
const TURNS = 3;

/** The time that the machine has been up when a history begins. */
const UPTIME_MS = 86_400_000;

/** A store in a file. A restart opens what kill -9 leaves: a copy of the file and its log, as they are while it is open. */
async function sqliteRoom(clock: ManualClock): Promise<StoreRoom> {
  const folder = mkdtempSync(join(tmpdir(), "milepost-simulation-"));
  let bootedMs = -UPTIME_MS;
  const whole = wholeClock(clock);
  const sinceBoot = { ...whole, monotonic: () => whole.monotonic() - bootedMs };
  let path = join(folder, "simulated.db");
  let store = await openSqliteStore({ path, clock: sinceBoot });
  return {
    store,
    reopen: async ({ isReboot }) => {
      const copy = `${path}-`;
      for (const part of ["", "-wal"]) copyFileSync(`${path}${part}`, `${copy}${part}`);
      await store.close();
      if (isReboot) bootedMs = whole.monotonic();
      path = copy;
      store = await openSqliteStore({ path, clock: sinceBoot });
      return store;
    },
    // The store lets the event loop turn between two steps of a removal, and before it syncs what must be durable.
    settle: async () => {
      for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
