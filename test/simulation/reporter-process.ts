import type { ItemRow } from "../../src/core/item.ts";
import { isTerminal } from "../../src/core/transitions.ts";
import type { ItemChange, Tracker } from "../../src/engine/tracker.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import { BystanderProcess } from "./bystander-process.ts";
import type { World } from "./world.ts";

/** A process that reports on items whoever holds them, as requests about a document do: each report takes the item over. */
export class ReporterProcess extends BystanderProcess {
  #tracker: Tracker | null = null;

  constructor(world: World, random: SeededRandom) {
    super(world, random, 150);
  }

  protected override async act(): Promise<void> {
    const { process } = this;
    this.#tracker ??= (await attempt(process, "track", () => process.milepost.track({ leaseMs: 2_000 }))) ?? null;
    const wanted = this.#anyItem();
    if (this.#tracker !== null && wanted !== undefined) await this.#amend(this.#tracker, wanted);
  }

  async #amend(tracker: Tracker, { batchId, item }: { readonly batchId: string; readonly item: ItemRow }) {
    const { process } = this;
    const kind = this.random.pick(["progress", "progress", "complete", "fail"] as const) ?? "progress";
    // Reports of one caller rise; those of several need not.
    const fraction = this.random.fraction();
    let seen: string | null = null;
    const change = (found: { readonly state: string }): ItemChange => {
      seen = found.state;
      if (kind === "complete") return { type: kind, output: { by: process.name } };
      return kind === "fail"
        ? { type: kind, error: new Error("a caller says so") }
        : { type: kind, fraction, progress: {} };
    };
    const told = await attempt(process, "amend", () =>
      tracker.amend(process.milepost.batch(batchId), item.key, change),
    );
    if (told === undefined) return;
    const { world } = process;
    const name = `${item.key} of ${batchId}: ${kind} from ${seen}`;
    if (told.state !== STATE_OF[kind]) world.break("an item is what it was amended to", `${name} is ${told.state}`);
    const row = world.checks.follower.item(item.number);
    if (kind === "complete" && row !== undefined && row.state !== "completed")
      world.break("what a caller is told is recorded", `${name} is ${row.state}`);
  }

  /** One that has not ended, most often. */
  #anyItem(): { readonly batchId: string; readonly item: ItemRow } | undefined {
    const { follower } = this.process.world.checks;
    const batch = this.random.pick(follower.batches());
    if (batch === undefined) return undefined;
    const items = follower.items(batch.number).filter(({ state }) => !isTerminal(state) || this.random.isTrue(0.1));
    const item = this.random.pick(items);
    return item === undefined ? undefined : { batchId: batch.id, item };
  }
}

const STATE_OF = { progress: "processing", complete: "completed", fail: "failed" } as const;
