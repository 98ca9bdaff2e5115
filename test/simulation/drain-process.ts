import type { Batch } from "../../src/engine/batch.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import { drawItems } from "./draw-items.ts";
import { simulatedHandler } from "./handlers.ts";
import { Promised } from "./promised.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** The names under which batches are submitted again and again. */
export const NAMES = ["letters", "photos"] as const;

/**
 * A process that submits a batch, or adds to one that may have ended, works on it alone until it has ended, and leaves:
 * what `milepost run` does. Others add to the same batch meanwhile.
 */
export class DrainProcess {
  readonly process: SimulatedProcess;
  readonly promised = new Promised();
  readonly #random: SeededRandom;
  #isStopping = false;
  isStopped = false;

  constructor(world: World, random: SeededRandom) {
    this.process = new SimulatedProcess(world, { machine: "alpha", isProvable: true });
    this.#random = random;
    this.process.milepost.pipeline({ name: "images", handler: simulatedHandler(this.process) });
    void this.#live();
  }

  get isLive(): boolean {
    return !this.process.isDead && !this.#isStopping;
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { process } = this;
    process.isStopping = true;
    process.world.note(`${process.name} stops`);
    await process.close();
    this.isStopped = true;
  }

  async #live(): Promise<void> {
    const { process } = this;
    const submitted = await this.#submit();
    if (submitted === undefined || !this.isLive) return this.stop();
    const { batch, epoch } = submitted;
    const options = { batch, concurrency: this.#random.between(1, 4), leaseMs: 1_500, abortGraceMs: 300 };
    const worker = await attempt(process, "work", () => process.milepost.work(options));
    // Drained by an operator, it leaves what is left to others.
    void worker?.drained().then(() => this.stop());
    if (worker !== undefined) await this.#untilEnd(batch, epoch);
    await this.stop();
  }

  /** The batch, and the life of it that its items belong to. */
  async #submit(): Promise<{ readonly batch: Batch; readonly epoch: number } | undefined> {
    const { process } = this;
    const items = drawItems(this.#random, this.#random.between(1, 10), false);
    const name = this.#random.pick(NAMES) ?? NAMES[0];
    const submission = { pipeline: "images", name, items, attempts: 2, delayMs: 50, crashBudget: 2 };
    const result = await attempt(process, "submit", () => process.milepost.submit(submission));
    if (result === undefined) return undefined;
    this.promised.acknowledge(
      result.id,
      result.verdicts.map(({ key }) => key),
    );
    const row = process.world.checks.follower.batches().find(({ id }) => id === result.id);
    return { batch: result.batch, epoch: row?.epoch ?? 0 };
  }

  async #untilEnd(batch: Batch, epoch: number): Promise<void> {
    const { process } = this;
    while (this.isLive) {
      const snapshot = await attempt(process, "done", () => batch.done());
      if (snapshot === undefined) {
        // Removed, or the store was out of reach.
        if ((await attempt(process, "snapshot", () => batch.snapshot())) === undefined && this.#random.isTrue(0.3))
          return;
        await process.sleep(100);
        continue;
      }
      const { counts, endedAt } = snapshot;
      if (endedAt === null || counts.pending + counts.processing > 0 || snapshot.epoch < epoch)
        process.world.break(
          "who waits for the end of a batch is told of it once it has ended",
          `${snapshot.id} in epoch ${snapshot.epoch} of ${epoch}: ${JSON.stringify(counts)}`,
        );
      return;
    }
  }
}
