import type { BatchSnapshot } from "../../src/core/batch.ts";
import type { ItemSnapshot } from "../../src/core/item.ts";
import { attempt } from "./attempted.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** The share of readers who watch their batch as well: estimates are dear. */
const WATCHERS = 0.3;

/**
 * A reader of one batch's changes who loses its place now and then and resumes from a version it has seen: it must be told
 * everything once, and nothing twice.
 */
export class FeedReader {
  readonly batchId: string;
  readonly #process: SimulatedProcess;
  readonly #items = new Map<string, ItemSnapshot>();
  #version = 0;
  #isOver = false;
  #isLeaving = false;

  /** @param before a reader whose process died: this one goes on where that one was */
  constructor(process: SimulatedProcess, batchId: string, before?: FeedReader) {
    this.#process = process;
    this.batchId = batchId;
    if (before !== undefined) {
      for (const [id, item] of before.#items) this.#items.set(id, item);
      this.#version = before.#version;
    }
    void this.#read();
    if (process.world.random(`watcher ${process.name} ${batchId}`).isTrue(WATCHERS)) void this.#watch();
  }

  /** Reads no more. */
  leave(): void {
    this.#isLeaving = true;
  }

  get isCaughtUp(): boolean {
    const row = this.#row();
    return this.#isOver || this.#process.isDead || row === undefined || row.version === this.#version;
  }

  /** Compares what was told with what is there, but for what came after the reader had to end: it was caught up before. */
  check(): void {
    const row = this.#row();
    if (this.#isOver || this.#process.isDead || row === undefined) return;
    const there = this.#process.world.checks.follower.items(row.number);
    const later = new Set(there.flatMap(({ id, version }) => (version > this.#version ? [id] : [])));
    const textsOf = (items: readonly Pick<ItemSnapshot, "id" | "state" | "version">[]): readonly string[] =>
      items.flatMap(({ id, state, version }) => (later.has(id) ? [] : [`${id} ${state} ${version}`])).toSorted();
    const [said, told] = [textsOf(there), textsOf([...this.#items.values()])];
    if (said.join() !== told.join())
      this.#break(
        "a resumed reader misses nothing",
        `batch ${row.number}: told ${told.length} of ${said.length} items`,
      );
  }

  async #read(): Promise<void> {
    const process = this.#process;
    const random = process.world.random(`reader ${process.name} ${this.batchId}`);
    while (!this.#isOver && !this.#isLeaving) {
      await process.sleep(random.fraction() * 600);
      const since = this.#version;
      const query = { since, limit: random.between(1, 8) };
      const page = await attempt(process, "changes", () => process.milepost.batch(this.batchId).changes(query));
      this.#isOver ||= this.#row() === undefined;
      if (page === undefined || this.#isOver) continue;
      if (!page.isResumable) {
        this.#break("the feed resumes", `batch ${this.batchId} from ${since}`);
        return;
      }
      for (const item of page.items) {
        if (item.version <= since || item.version > page.version)
          this.#break("a resumed reader is told nothing twice", `${item.key} at ${item.version}, after ${since}`);
        this.#items.set(item.id, item);
      }
      for (const { id } of page.removals) this.#items.delete(id);
      this.#version = page.version;
    }
  }

  /** Snapshots come in order, and the last one is the end. */
  async #watch(): Promise<void> {
    const process = this.#process;
    while (!this.#isOver && !this.#isLeaving) {
      let last: BatchSnapshot | null = null;
      await attempt(process, "watch", async () => {
        for await (const snapshot of process.milepost.batch(this.batchId).watch({ everyMs: 200 })) {
          if (last !== null && !isNewsAfter(last, snapshot))
            this.#break("a watcher sees news", `batch ${this.batchId}: ${last.version}, then ${snapshot.version}`);
          last = snapshot;
        }
      });
      await process.sleep(500);
    }
  }

  #row() {
    return this.#process.world.checks.follower.batches().find(({ id }) => id === this.batchId);
  }

  #break(invariant: string, detail: string): void {
    this.#process.world.break(invariant, detail);
  }
}

/** A later version, or the same one with another estimate: a stall moves the end on though nothing is recorded. */
function isNewsAfter(last: BatchSnapshot, snapshot: BatchSnapshot): boolean {
  if (snapshot.version !== last.version) return snapshot.version > last.version;
  return (
    snapshot.noEstimate?.reason !== last.noEstimate?.reason ||
    snapshot.estimate?.finishAt.getTime() !== last.estimate?.finishAt.getTime()
  );
}
