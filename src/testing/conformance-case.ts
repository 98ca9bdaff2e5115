import type { Store } from "../ports/store.ts";
import type { ManualClock } from "./manual-clock.ts";
import { StoreTrial } from "./store-trial.ts";

/** One fresh, empty store, and what can be done to it from outside. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens what it kept; absent where nothing outlives the process. */
  readonly reopen?: () => Promise<Store>;
  /** Makes the batch's count of completed items wrong by one, behind the store's back. Absent where there is no way to. */
  readonly damage?: (batch: number) => Promise<void>;
  /** Closes the store and deletes what it kept. */
  readonly close: () => Promise<void>;
}

export type OpenStore = (clock: ManualClock) => Promise<OpenedStore>;

/** One thing that every store must do, tried at the port alone. */
export interface ConformanceCase {
  readonly name: string;
  /** Rejects if the store behaves otherwise. */
  readonly run: (openStore: OpenStore) => Promise<void>;
  /** What the opened store must offer for the case to make sense. */
  readonly needs?: "reopen" | "damage";
}

/** Makes a case of a trial: the store is opened before it, audited after each change and once more at the end, and closed. */
export function caseOf(
  name: string,
  trial: (trial: StoreTrial) => Promise<void>,
  needs?: ConformanceCase["needs"],
): ConformanceCase {
  const run = async (openStore: OpenStore): Promise<void> => {
    const opened = await StoreTrial.open(openStore);
    try {
      await trial(opened);
      await opened.finish();
    } finally {
      await opened.close();
    }
  };
  return needs === undefined ? { name, run } : { name, run, needs };
}
