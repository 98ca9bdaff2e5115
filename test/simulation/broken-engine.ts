import type { MemoryState } from "../../src/stores/memory/memory-state.ts";
import type { BreakIt } from "./history.ts";

/** An engine with one bug, and the invariants of which the simulation must find one broken. */
export interface BrokenEngine {
  readonly bug: string;
  readonly breaks: readonly string[];
  readonly breakIt?: BreakIt;
  /** What goes wrong whenever the store restarts. */
  readonly breakRestart?: (state: MemoryState) => void;
}
