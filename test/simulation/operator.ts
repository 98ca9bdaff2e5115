import type { BatchRow } from "../../src/core/batch.ts";
import type { ItemRow } from "../../src/core/item.ts";
import type { Batch } from "../../src/engine/batch.ts";
import type { RetentionOptions } from "../../src/engine/options.ts";
import type { Queue } from "../../src/engine/queue.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import { NAMES } from "./drain-process.ts";
import { drawItems } from "./draw-items.ts";
import { FeedReader } from "./feed-reader.ts";
import { Promised } from "./promised.ts";
import type { Target } from "./run-ledger.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { PIPELINES, QUEUES } from "./worker-process.ts";
import type { World } from "./world.ts";

/** An operation and its share among all. */
type Operation = readonly [share: number, run: (operator: Operator) => Promise<unknown>];

/** A process that submits, steers and watches, and remembers what it was promised. */
export class Operator {
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  readonly readers: FeedReader[] = [];
  readonly promised = new Promised();
  #operations = 0;
  isStopped = false;

  constructor(world: World) {
    this.process = new SimulatedProcess(world, { machine: "alpha", isProvable: true });
    this.random = world.random(`operator ${this.process.name}`);
  }

  /** True when nothing is under way that it was asked to do. */
  get isIdle(): boolean {
    return this.process.isDead || this.#operations === 0;
  }

  /** Reads on where others were whose process died. */
  resume(readers: readonly FeedReader[]): void {
    for (const reader of readers) this.readers.push(new FeedReader(this.process, reader.batchId, reader));
  }

  /** Leaves, and its readers with it. */
  async stop(): Promise<void> {
    for (const reader of this.readers) reader.leave();
    await this.process.close();
    this.isStopped = true;
  }

  /** Does one thing, drawn by chance. */
  async operate(): Promise<void> {
    if (this.process.isDead) return;
    let left = this.random.fraction() * OPERATIONS.reduce((sum, [share]) => sum + share, 0);
    for (const [share, run] of OPERATIONS) {
      left -= share;
      if (left >= 0) continue;
      this.#operations += 1;
      await run(this);
      this.#operations -= 1;
      return;
    }
  }

  async submit(): Promise<void> {
    const { random, process } = this;
    const hasLimit = random.isTrue(0.4);
    const name = random.isTrue(0.4) ? random.pick(NAMES) : undefined;
    const result = await attempt(process, "submit", () =>
      process.milepost.submit({
        pipeline: name === undefined ? (random.pick(PIPELINES) ?? "images") : "images",
        queue: random.pick(QUEUES) ?? "main",
        items: drawItems(random, random.between(1, 14), hasLimit && name === undefined),
        priority: random.pick(["urgent", "high", 0, 0, "low"]) ?? 0,
        seal: random.isTrue(0.8),
        attempts: random.between(1, 3),
        delayMs: random.between(0, 400),
        maxDelayMs: 800,
        crashBudget: random.between(1, 3),
        ...(name === undefined ? {} : { name }),
        ...(hasLimit && name === undefined ? { timeoutMs: random.between(100, 1_200) } : {}),
        ...(random.isTrue(0.15) ? { maxFailures: random.between(0, 3), onFailureBudget: "pause" } : {}),
        ...(random.isTrue(0.1) ? { startAt: new Date(process.clock.now() + random.between(-500, 4_000)) } : {}),
        onVerdict: () => {},
      }),
    );
    if (result === undefined) return;
    this.promised.acknowledge(
      result.id,
      result.verdicts.map(({ key }) => key),
    );
    if (random.isTrue(0.4)) this.readers.push(new FeedReader(process, result.id));
  }

  async add(): Promise<void> {
    await this.onBatch("add", async (batch, row) => {
      const hasLimit = row.policy.timeoutMs !== null;
      const how = this.random.isTrue(0.7) ? {} : { seal: this.random.isTrue(0.5) };
      const result = await batch.add(drawItems(this.random, this.random.between(1, 6), hasLimit), how);
      this.promised.acknowledge(
        row.id,
        result.verdicts.map(({ key }) => key),
      );
    });
  }

  async pauseOrStop(type: "pause" | "stop", on: "queue" | "batch"): Promise<void> {
    const { milepost, world } = this.process;
    if (on === "queue") {
      const queue = this.anyQueue();
      await this.#pausing(type, { queue: queue.name }, () => queue[type]());
      return;
    }
    const row = this.#anyBatch();
    if (row === undefined || world.isCalm) return;
    await this.#pausing(type, { batch: row.number }, () => milepost.batch(row.id)[type]());
  }

  /** Does something to a batch that is there now, by God's knowledge; by the time it arrives it may be gone. */
  async onBatch(what: string, call: (batch: Batch, row: BatchRow) => Promise<unknown>): Promise<void> {
    const row = this.#anyBatch();
    if (row === undefined) return;
    await attempt(this.process, what, async () => call(this.process.milepost.batch(row.id), row));
  }

  async onItem(type: "hold" | "unhold" | "cancel" | "remove" | "retry"): Promise<void> {
    const item = this.#anyItem();
    if (item === undefined) return;
    await attempt(this.process, type, () => this.process.milepost.item(item.id)[type]());
  }

  drawRetention(): RetentionOptions {
    const { random } = this;
    return {
      ...(random.isTrue(0.7) ? { keep: random.whole(4) } : {}),
      ...(random.isTrue(0.5) ? { olderThanMs: random.whole(5_000) } : {}),
      ...(random.isTrue(0.3) ? { queue: this.anyQueue().name } : {}),
    };
  }

  anyQueue(): Queue {
    return this.process.milepost.queue(this.random.pick(QUEUES) ?? "main");
  }

  /** Makes the way free for all that is left: nothing stays open, paused or held. */
  async release(): Promise<void> {
    const { milepost, world } = this.process;
    const { follower } = world.checks;
    for (const queue of QUEUES) await attempt(this.process, "resume", () => milepost.queue(queue).resume());
    for (const row of follower.batches()) {
      if (!row.isSealed) await attempt(this.process, "seal", () => milepost.batch(row.id).seal());
      if (row.control !== "run" && row.endedAt === null)
        await attempt(this.process, "resume", () => milepost.batch(row.id).resume());
      for (const item of follower.items(row.number)) {
        if (item.isHeld) await attempt(this.process, "unhold", () => milepost.item(item.id).unhold());
      }
    }
  }

  async #pausing(type: "pause" | "stop", target: Target, give: () => Promise<number>): Promise<void> {
    const acknowledged = this.process.world.ledger.pausing(target);
    const answer = await attempt(this.process, type, give);
    if (answer !== undefined) acknowledged();
  }

  #anyBatch(): BatchRow | undefined {
    return this.random.pick(this.process.world.checks.follower.batches());
  }

  #anyItem(): ItemRow | undefined {
    const row = this.#anyBatch();
    return row === undefined ? undefined : this.random.pick(this.process.world.checks.follower.items(row.number));
  }
}

const OPERATIONS: readonly Operation[] = [
  [20, (by) => by.submit()],
  [6, (by) => by.add()],
  [10, (by) => by.pauseOrStop("pause", "batch")],
  [8, (by) => by.pauseOrStop("pause", "queue")],
  [3, (by) => by.pauseOrStop("stop", "batch")],
  [2, (by) => by.pauseOrStop("stop", "queue")],
  [10, (by) => by.onBatch("resume", (batch) => batch.resume())],
  [5, (by) => attempt(by.process, "resume", () => by.anyQueue().resume())],
  [4, (by) => by.onBatch("cancel", (batch) => batch.cancel())],
  [6, (by) => by.onBatch("retry", (batch) => batch.retry({ failed: by.random.isTrue(0.5) }))],
  [2, (by) => by.onBatch("remove", (batch) => batch.remove())],
  [3, (by) => by.onBatch("priority", (batch) => batch.setPriority(by.random.between(-20, 20)))],
  [3, (by) => by.onBatch("seal", (batch) => batch.seal())],
  [2, (by) => by.onBatch("checkpoint", (batch) => batch.checkpoint())],
  [6, (by) => by.onItem("hold")],
  [6, (by) => by.onItem("unhold")],
  [8, (by) => by.onItem("cancel")],
  [5, (by) => by.onItem("remove")],
  [6, (by) => by.onItem("retry")],
  [
    4,
    (by) => {
      const concurrency = by.random.isTrue(0.3) ? null : by.random.between(1, 4);
      return attempt(by.process, "concurrency", () => by.anyQueue().setConcurrency(concurrency));
    },
  ],
  [2, (by) => attempt(by.process, "prune", () => by.process.milepost.prune(by.drawRetention()))],
  [1, (by) => attempt(by.process, "cancel", () => by.anyQueue().cancel())],
  [1, (by) => attempt(by.process, "remove", () => by.anyQueue().remove())],
  [1, (by) => attempt(by.process, "reap", () => by.process.milepost.reap())],
];
