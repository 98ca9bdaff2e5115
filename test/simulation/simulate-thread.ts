import { parentPort, workerData } from "node:worker_threads";
import { runHistory, type StoreName } from "./history.ts";

/** The seeds that one thread lives through: from `first` by `step` until `end`. */
export interface Share {
  readonly first: number;
  readonly end: number;
  readonly step: number;
  /** Null: memory, and every `sqliteEvery`-th seed SQLite. */
  readonly store: StoreName | null;
  readonly sqliteEvery: number;
}

// Nobody reads the stacks of the many errors that a history expects.
Error.stackTraceLimit = 0;

const { first, end, step, store, sqliteEvery } = workerData as Share;
for (let seed = first; seed < end; seed += step) {
  const name = store ?? (seed % sqliteEvery === 0 ? "sqlite" : "memory");
  const history = await runHistory({ seed, store: name });
  parentPort?.postMessage(history.violation === null ? { ...history, tail: [] } : history);
}
