import type { ItemSnapshot } from "./item.ts";

/** A session of a worker or tracker, as people and programs see it. */
export interface WorkerSnapshot {
  readonly id: string;
  /** `host:pid`, or how a worker outside calls itself. */
  readonly name: string;
  /** The machine; null for a worker outside the processes of the engine. */
  readonly host: string | null;
  readonly pid: number | null;
  /** Empty for all. */
  readonly queues: readonly string[];
  /** Null for all. */
  readonly pipelines: readonly string[] | null;
  /** Only this batch; null for all. */
  readonly batchId: string | null;
  /** 0 for a session that only tracks. */
  readonly concurrency: number;
  readonly leaseMs: number;
  readonly openedAt: Date;
  /** Milliseconds since it was last heard of. */
  readonly silentMs: number;
  /** It claims nothing more and leaves once what it holds has ended. */
  readonly isDraining: boolean;
  /** Items it holds, those included that it claimed ahead and has not started. */
  readonly held: number;
  /** Some of them, those that run first. */
  readonly items: readonly ItemSnapshot[];
}
