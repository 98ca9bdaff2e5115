import type { BatchSnapshot } from "../../core/batch.ts";

/** Shows a batch while somebody watches it. It draws by its own clock, so showing costs nothing however often it is called. */
export interface ProgressView {
  /** The batch as it is now. */
  show(batch: BatchSnapshot): void;
  /** A line that must be seen: what a signal has led to, for one. */
  notice(text: string): void;
  /** Draws the last state and leaves the terminal as it was found. */
  close(): Promise<void>;
}
