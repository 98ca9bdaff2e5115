import type { ItemRow } from "../../src/core/item.ts";
import type { Json } from "../../src/core/json.ts";
import type { Tracker } from "../../src/engine/tracker.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { attempt } from "./attempted.ts";
import type { Run } from "./run-ledger.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** An item that this caller was told it holds. */
interface Tracked {
  readonly item: ItemRow;
  readonly run: Run;
}

type Act = (by: TrackerProcess) => Promise<void>;

/** A process that runs work of its own and only reports it: it drives the loop, and believes what it is told. */
export class TrackerProcess {
  readonly process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #leaseMs: number;
  readonly #tracked = new Map<string, Tracked>();
  #tracker: Tracker | null = null;
  #isStopping = false;
  isStopped = false;

  constructor(world: World, random: SeededRandom) {
    this.process = new SimulatedProcess(world, { machine: "alpha", isProvable: random.isTrue(0.5) });
    this.#random = random;
    this.#leaseMs = random.between(1_000, 3_000);
    void this.#live();
  }

  get isLive(): boolean {
    return !this.process.isDead && !this.#isStopping;
  }

  /** Leaves: what it still holds goes back, said or not. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { process } = this;
    process.world.note(`${process.name} stops`);
    if (this.#random.isTrue(0.5)) await this.release();
    for (const id of this.#tracked.keys()) this.#forget(id);
    await process.close();
    this.isStopped = true;
  }

  /** Tries to win a few items, most of them such as can be won. */
  async start(): Promise<void> {
    const wanted = this.#anyItems(({ state }) => state === "pending" || this.#random.isTrue(0.1));
    const won = await this.#call("start", wanted, (tracker, ids) => tracker.start(ids));
    // Its answer came too late for a caller who leaves.
    if (this.#isStopping) return;
    const { ledger } = this.process.world;
    for (const item of wanted) {
      if (!won?.includes(item.id)) continue;
      const text = this.process.leases.get(item.id)?.saved ?? null;
      const saved = text === null ? null : (JSON.parse(text) as Json);
      // Won anew: what it did under a lease that it lost is over.
      this.#forget(item.id);
      this.#tracked.set(item.id, { item, run: ledger.start(this.process, { ...item, saved }) });
    }
  }

  async progress(): Promise<void> {
    const items = this.#some();
    const done = this.#random.between(0, 10);
    const told = await this.#call("progress", items, (tracker, ids) => tracker.progress(ids, { done, total: 10 }));
    if (told !== undefined) for (const { id } of items) if (!told.includes(id)) this.#forget(id);
  }

  complete(): Promise<void> {
    return this.#end("completed", this.#some(), (tracker, ids) => tracker.complete(ids, { by: "its caller" }));
  }

  fail(): Promise<void> {
    return this.#end("failed", this.#some(), (tracker, ids) => tracker.fail(ids, new Error("its caller says so")));
  }

  async release(): Promise<void> {
    const items = this.#some();
    const told = await this.#call("release", items, (tracker, ids) => tracker.release(ids));
    if (told !== undefined) for (const { id } of items) this.#forget(id);
  }

  /** Ends what nobody was told to run: done elsewhere, before. */
  async endUnstarted(): Promise<void> {
    const items = this.#anyItems(({ id }) => !this.#tracked.has(id));
    await this.#end("completed", items, (tracker, ids) => tracker.complete(ids));
  }

  async #live(): Promise<void> {
    const { process } = this;
    while (this.isLive) {
      await process.sleep(this.#random.fraction() * 120);
      if (!this.isLive) return;
      this.#tracker ??=
        (await attempt(process, "track", () => process.milepost.track({ leaseMs: this.#leaseMs }))) ?? null;
      // Some come back to what they do only after their lease is over.
      if (this.#random.isTrue(0.03) && !process.world.isCalm) await process.sleep(this.#random.fraction() * 4_000);
      for (const id of this.#tracked.keys())
        if (this.#tracker?.isHolding(id) === false && this.#random.isTrue(0.5)) this.#forget(id);
      const act = this.#random.pick(this.#tracked.size > 0 ? ACTS : FIRST_ACTS);
      await act?.(this);
    }
  }

  async #end(
    state: "completed" | "failed",
    items: readonly ItemRow[],
    give: (tracker: Tracker, ids: readonly string[]) => Promise<readonly string[]>,
  ): Promise<void> {
    const { world } = this.process;
    const tokens = new Map(items.map(({ id }) => [id, this.#tracked.get(id)?.run.token]));
    for (const { id } of items) {
      const tracked = this.#tracked.get(id);
      if (tracked !== undefined) world.ledger.end(tracked.run, "returned");
    }
    const told = await this.#call(state, items, give);
    if (told === undefined) return;
    for (const { id, number, key } of items) {
      this.#forget(id);
      const row = world.checks.follower.item(number);
      const isTold = told.includes(id);
      // What failed may have been retried since.
      if (isTold && state === "completed" && row !== undefined && row.state !== state)
        world.break("what a caller is told is recorded", `${key} is ${row.state}, told to be ${state}`);
      // A poison item ended by its reaper, not by this caller.
      const isOwnEnd = row?.state === state && row.token === tokens.get(id) && row.error?.code !== "POISON";
      if (!isTold && isOwnEnd)
        world.break(
          "what a caller has recorded is told",
          `${key} is ${state} under ${row.token}, and this was not told`,
        );
    }
  }

  /** Reports on items, if there are any. Undefined: nothing is known of what came of it. */
  async #call(
    what: string,
    items: readonly ItemRow[],
    call: (tracker: Tracker, ids: readonly string[]) => Promise<readonly string[]>,
  ): Promise<readonly string[] | undefined> {
    const tracker = this.#tracker;
    if (tracker === null || items.length === 0) return [];
    return attempt(this.process, what, () =>
      call(
        tracker,
        items.map(({ id }) => id),
      ),
    );
  }

  #forget(id: string): void {
    const tracked = this.#tracked.get(id);
    if (tracked !== undefined) this.process.world.ledger.end(tracked.run, "threw");
    this.#tracked.delete(id);
  }

  #some(): readonly ItemRow[] {
    return Array.from(this.#tracked.values(), ({ item }) => item).filter(() => this.#random.isTrue(0.6));
  }

  /** Items of one batch that are there now, by God's knowledge. */
  #anyItems(isWanted: (item: ItemRow) => boolean): readonly ItemRow[] {
    const { follower } = this.process.world.checks;
    const batch = this.#random.pick(follower.batches());
    const items = batch === undefined ? [] : follower.items(batch.number).filter(isWanted);
    const first = this.#random.whole(items.length);
    return items.slice(first, first + this.#random.between(1, 4));
  }
}

/** What a caller does who holds nothing; some of it more often. */
const FIRST_ACTS: readonly Act[] = [
  (by) => by.start(),
  (by) => by.start(),
  (by) => by.start(),
  (by) => by.start(),
  (by) => by.endUnstarted(),
];

/** What a caller does next. */
const ACTS: readonly Act[] = [
  (by) => by.start(),
  (by) => by.progress(),
  (by) => by.progress(),
  (by) => by.complete(),
  (by) => by.complete(),
  (by) => by.fail(),
  (by) => by.release(),
];
