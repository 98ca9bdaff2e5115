import type { Worker } from "../../src/engine/worker.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import { simulatedHandler } from "./handlers.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

export const PIPELINES = ["images", "documents"] as const;
export const QUEUES = ["main", "side"] as const;

/** How often the slots of a worker are counted. */
const COUNT_EVERY_MS = 97;

/** A process that works: its engine, one worker, and the count of what that worker runs at once. */
export class WorkerProcess {
  readonly process: SimulatedProcess;
  readonly #concurrency: number;
  readonly #leaseMs: number;
  readonly #abortGraceMs: number;
  readonly #queues: readonly string[];
  #worker: Worker | null = null;
  /** True when the worker was told to stop and has. */
  isStopped = false;
  /** Since when it is stopping, on the monotonic clock. */
  stoppingSinceMs: number | null = null;

  constructor(world: World, random: SeededRandom, isForAll = false) {
    const machine = random.isTrue(0.7) ? "alpha" : "beta";
    this.process = new SimulatedProcess(world, { machine, isProvable: random.isTrue(0.7) });
    this.#concurrency = random.between(1, 4);
    this.#leaseMs = random.between(1_000, 3_000);
    this.#abortGraceMs = random.between(0, 800);
    this.#queues = isForAll || random.isTrue(0.6) ? [] : [random.pick(QUEUES) ?? "main"];
    for (const name of PIPELINES) {
      const stages = name === "images" ? ["read", { name: "work", weight: 3 }, "write"] : [];
      this.process.milepost.pipeline({ name, stages, handler: simulatedHandler(this.process) });
    }
    void this.#start();
  }

  get isForAll(): boolean {
    return this.#queues.length === 0;
  }

  get isLive(): boolean {
    return !this.process.isDead && this.stoppingSinceMs === null;
  }

  get isWorking(): boolean {
    return this.isLive && this.#worker !== null;
  }

  /** Stops the worker and closes its engine, as on SIGTERM. */
  async stop(graceMs: number): Promise<void> {
    if (this.stoppingSinceMs !== null) return;
    const { process } = this;
    process.world.note(`${process.name} stops`);
    this.stoppingSinceMs = process.world.clock.monotonic();
    process.isStopping = true;
    // One that drains, also if it lost that session since, may have begun to leave before: then its session lapses, if the store was not reached.
    const isDraining = process.sessions.some((session) => process.world.checks.isDraining(session));
    const mustLeave = process.world.isCalm && this.#worker !== null && !isDraining;
    await process.close({ graceMs });
    this.isStopped = true;
    if (mustLeave && (await this.#isThere()))
      process.world.break("who stops in calm has left when it has stopped", process.name);
    process.world.note(`${process.name} has stopped`);
  }

  /** Its worker has left, as it was drained: all that it ran has ended. */
  async #leave(): Promise<void> {
    const { process } = this;
    const running = process.world.ledger.occupying(process, this.#abortGraceMs);
    if (running > 0) process.world.break("who drains lets what runs end", `${process.name} runs ${running}`);
    await this.stop(0);
  }

  /** Whether the session that it knew of stands; one whose opening went unanswered lapses. */
  async #isThere(): Promise<boolean> {
    const { world, sessions } = this.process;
    const session = sessions.at(-1);
    return (await world.store.sessions()).some(({ number }) => number === session);
  }

  /** Like a supervisor, it tries until its worker works. */
  async #start(): Promise<void> {
    const { process } = this;
    const options = {
      concurrency: this.#concurrency,
      leaseMs: this.#leaseMs,
      abortGraceMs: this.#abortGraceMs,
      queues: this.#queues,
    };
    while (this.#worker === null && this.stoppingSinceMs === null) {
      this.#worker = (await attempt(process, "work", () => process.milepost.work(options))) ?? null;
      if (this.#worker === null) await process.sleep(200);
    }
    void this.#worker?.drained().then(() => this.#leave());
    this.#count();
  }

  #count(): void {
    const { process } = this;
    if (this.isStopped) return;
    const { ledger } = process.world;
    const occupied = process.state === "running" ? ledger.occupying(process, this.#abortGraceMs) : 0;
    if (occupied > this.#concurrency)
      process.world.break(
        "a worker runs at most as many as it may",
        `${process.name}: ${occupied} of ${this.#concurrency}`,
      );
    process.clock.after(COUNT_EVERY_MS, () => this.#count());
  }
}
