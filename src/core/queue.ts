/** What an operator has ordered for a queue or a batch. `stop` is `pause` plus: what runs is aborted and released. */
export const CONTROLS = ["run", "pause", "stop"] as const;
export type Control = (typeof CONTROLS)[number];

/** `idle`: it may run, and nothing does. A paused or stopped queue starts nothing. */
export const QueueState = { IDLE: "idle", RUNNING: "running", PAUSED: "paused", STOPPED: "stopped" } as const;
export type QueueState = (typeof QueueState)[keyof typeof QueueState];

/** A queue at one moment. Its counts are those of all its batches. */
export interface QueueSnapshot {
  readonly name: string;
  readonly state: QueueState;
  /** Items that may be held by all workers together; null for no limit but each worker's own. */
  readonly concurrency: number | null;
  /** Batches that have not ended. */
  readonly batches: number;
  readonly pending: number;
  readonly processing: number;
}

export function queueStateOf(control: Control, processing: number): QueueState {
  if (control === "stop") return "stopped";
  if (control === "pause") return "paused";
  return processing > 0 ? "running" : "idle";
}
