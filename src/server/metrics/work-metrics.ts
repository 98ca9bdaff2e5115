import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { WorkLook, type WorkSeen } from "./work-look.ts";

const STATES = ["pending", "processing", "completed", "failed", "cancelled"] as const;
/** Seconds: from a thumbnail to a day. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400];
/** Of queue and pipeline. */
const OF_WORK = ["queue", "pipeline"] as const;

/**
 * What the store's work looks like, brought up to date by each reading and not otherwise: a server whose metrics nobody
 * reads does nothing for them. Everything is read from the store's counters, so it holds for the work of every process.
 */
export class WorkMetrics {
  readonly #milepost: Milepost;
  readonly #look: WorkLook;
  readonly #seen: WorkSeen;
  readonly #items: Gauge<"queue" | "state">;
  readonly #batches: Gauge<"queue" | "status">;
  readonly #paused: Gauge<"queue">;
  readonly #workers: Gauge;
  readonly #slots: Gauge;
  readonly #storeUp: Gauge;
  #update: Promise<void> | null = null;

  constructor(milepost: Milepost, registry: Registry) {
    const registers = [registry];
    const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> =>
      new Gauge({ name, help, labelNames, registers });
    this.#milepost = milepost;
    this.#look = new WorkLook(milepost);
    this.#items = gauge("milepost_items", "Items of batches that have not ended", "queue", "state");
    this.#batches = gauge("milepost_batches", "Batches that have not ended", "queue", "status");
    this.#paused = gauge("milepost_queue_paused", "1 for a queue that is paused or stopped", "queue");
    this.#workers = gauge("milepost_workers", "Sessions of workers in the store");
    this.#slots = gauge("milepost_worker_slots", "Items that all these workers together may run at once");
    this.#storeUp = gauge("milepost_store_up", "0 where the store could not be read for these metrics");
    this.#seen = seenBy(registry);
  }

  /** Brings all of it up to date; two at once are one. Never throws: what cannot be read stays as it was. */
  update(): Promise<void> {
    this.#update ??= this.#read()
      .then(
        () => this.#storeUp.set(1),
        () => this.#storeUp.set(0),
      )
      .finally(() => {
        this.#update = null;
      });
    return this.#update;
  }

  async #read(): Promise<void> {
    const running = await this.#look.look(this.#seen);
    const [queues, sessions] = await Promise.all([this.#milepost.queues(), this.#milepost.workers()]);
    this.#showRunning(running);
    this.#paused.reset();
    for (const { name, state } of queues)
      this.#paused.set({ queue: name }, state === "paused" || state === "stopped" ? 1 : 0);
    const workers = sessions.filter(({ concurrency }) => concurrency > 0);
    this.#workers.set(workers.length);
    this.#slots.set(workers.reduce((sum, { concurrency }) => sum + concurrency, 0));
  }

  #showRunning(running: readonly BatchSnapshot[]): void {
    this.#items.reset();
    this.#batches.reset();
    for (const { queue, status, counts } of running) {
      this.#batches.inc({ queue, status });
      for (const state of STATES) this.#items.inc({ queue, state }, counts[state]);
    }
  }
}

/** Counters and histograms that only rise, whatever is deleted. */
function seenBy(registry: Registry): WorkSeen {
  const registers = [registry];
  const submitted = new Counter({
    name: "milepost_items_submitted_total",
    help: "Items that were added to batches",
    labelNames: OF_WORK,
    registers,
  });
  const items = new Counter({
    name: "milepost_items_ended_total",
    help: "Items that came to an end, by how",
    labelNames: [...OF_WORK, "state"] as const,
    registers,
  });
  const batches = new Counter({
    name: "milepost_batches_ended_total",
    help: "Batches that ended, by how",
    labelNames: [...OF_WORK, "status"] as const,
    registers,
  });
  const histogram = (name: string, help: string): Histogram<"queue" | "pipeline"> =>
    new Histogram({ name, help, labelNames: OF_WORK, buckets: BUCKETS, registers });
  const wait = histogram("milepost_item_wait_seconds", "From submission or scheduled start to an item's first attempt");
  const run = histogram("milepost_item_run_seconds", "How long the last attempt of a completed or failed item took");
  return {
    ended: ({ queue, pipeline }, status) => batches.inc({ queue, pipeline, status }),
    items: ({ queue, pipeline }, what, count) =>
      what === "submitted"
        ? submitted.inc({ queue, pipeline }, count)
        : items.inc({ queue, pipeline, state: what }, count),
    waited: ({ queue, pipeline }, seconds) => wait.observe({ queue, pipeline }, seconds),
    ran: ({ queue, pipeline }, seconds) => run.observe({ queue, pipeline }, seconds),
  };
}
