import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** A process without workers, which now and then does something about what others do, until all is calm. */
export abstract class BystanderProcess {
  readonly process: SimulatedProcess;
  protected readonly random: SeededRandom;
  readonly #betweenMs: number;
  #isStopping = false;
  isStopped = false;

  /** @param betweenMs between two of its acts lies this much time at most */
  constructor(world: World, random: SeededRandom, betweenMs: number) {
    this.process = new SimulatedProcess(world, { machine: "alpha", isProvable: true });
    this.random = random;
    this.#betweenMs = betweenMs;
    void this.#live();
  }

  get isLive(): boolean {
    return !this.process.isDead && !this.#isStopping;
  }

  /** Leaves: what it still holds goes back. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.process.world.note(`${this.process.name} stops`);
    await this.process.close();
    this.isStopped = true;
  }

  protected abstract act(): Promise<void>;

  async #live(): Promise<void> {
    while (this.isLive) {
      await this.process.sleep(this.random.fraction() * this.#betweenMs);
      if (!this.isLive) return;
      if (this.process.world.isCalm) return this.stop();
      await this.act();
    }
  }
}
