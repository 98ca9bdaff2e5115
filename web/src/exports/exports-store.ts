import { ApiError, type Client, type OverviewUpdate } from "../../../src/client/client.ts";
import type { WireBatch } from "../../../src/wire/batch.ts";
import type { WireItem } from "../../../src/wire/item.ts";
import type { WireQueue } from "../../../src/wire/queue.ts";
import { LiveReader, type LiveReaderOptions } from "../live/live-reader.ts";
import { type ExportJob, type ExportJobs, exportJobs, type Move, moveTo } from "./export-jobs.ts";

/** The queues that exports wait in: of uploaded projects, and of `ExportQueue`. */
const EXPORT_QUEUES: readonly string[] = ["karaoke", "exports", "exports-direct"];
const BATCHES_MAX = 100;
/** Of one batch. */
const ITEMS_MAX = 1_000;

export interface ExportsOptions extends LiveReaderOptions {
  readonly client: Pick<Client, "watchMany" | "batches" | "batch" | "queues">;
  readonly isOperator: boolean;
}

/** The exports that the caller may see. Items are read again when their batch has changed. */
export class ExportsStore extends LiveReader {
  readonly #options: ExportsOptions;
  readonly #batches = new Map<string, WireBatch>();
  readonly #items = new Map<string, readonly WireItem[]>();
  /** The version of its batch that items were read at, or before. */
  readonly #readAt = new Map<string, number>();
  #queues: readonly WireQueue[] = [];
  #jobs: ExportJobs = { running: [], waiting: [], ended: [] };

  constructor(options: ExportsOptions) {
    super(options);
    this.#options = options;
  }

  get jobs(): ExportJobs {
    return this.#jobs;
  }

  /** Batches that have not ended. */
  get active(): readonly WireBatch[] {
    return [...this.#batches.values()].filter(({ endedAt }) => endedAt === null);
  }

  /** Of the operator; others do not see queues. */
  get queues(): readonly WireQueue[] {
    return this.#queues;
  }

  /** True for a batch that nothing is started of now: it is paused or stopped, or its queue is. */
  isHalted({ status, queue }: Pick<WireBatch, "status" | "queue">): boolean {
    if (status === "paused") return true;
    const state = this.#queues.find(({ name }) => name === queue)?.state;
    return state === "paused" || state === "stopped";
  }

  /** Brings a waiting export to another place among those that wait. */
  async move(from: number, to: number): Promise<void> {
    const move = moveTo(this.#jobs.waiting, (id) => this.#items.get(id) ?? [], { from, to });
    if (move === null) return;
    await this.#carryOut(move);
    this.#readAt.delete(move.batchId);
    await this.reread();
  }

  async cancel({ batch, item }: ExportJob): Promise<void> {
    await this.#options.client.batch(batch.id).item(item.id).cancel();
    await this.reread();
  }

  protected override heard({ removed }: OverviewUpdate): void {
    for (const id of removed) this.#drop(id);
  }

  protected override forget(): void {
    this.#readAt.clear();
  }

  protected async read(): Promise<void> {
    const { client, isOperator } = this.#options;
    const [queues, ...pages] = await Promise.all([
      isOperator ? client.queues() : null,
      ...EXPORT_QUEUES.map((queue) => client.batches({ queue, limit: BATCHES_MAX })),
    ]);
    this.#queues = queues?.queues.filter(({ name }) => EXPORT_QUEUES.includes(name)) ?? [];
    const batches = pages.flatMap((page) => page.batches);
    const ids = new Set(batches.map(({ id }) => id));
    for (const id of this.#batches.keys()) if (!ids.has(id)) this.#drop(id);
    for (const batch of batches) this.#batches.set(batch.id, batch);
    await Promise.all(batches.map((batch) => this.#readItems(batch)));
    this.#jobs = exportJobs([...this.#batches.values()], (id) => this.#items.get(id) ?? []);
  }

  async #readItems({ id, version }: WireBatch): Promise<void> {
    if (this.#readAt.get(id) === version) return;
    try {
      const { items } = await this.#options.client.batch(id).items({ limit: ITEMS_MAX });
      this.#items.set(id, items);
      this.#readAt.set(id, version);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      this.#drop(id);
    }
  }

  async #carryOut({ kind, batchId, changes }: Move): Promise<void> {
    const { client } = this.#options;
    // From the end: whoever is at work meanwhile finds the order of before or of after, and nothing between.
    for (const { id, priority } of changes.toReversed()) {
      const target = kind === "batches" ? client.batch(id) : client.batch(batchId).item(id);
      await target.setPriority(priority);
    }
  }

  #drop(id: string): void {
    this.#batches.delete(id);
    this.#items.delete(id);
    this.#readAt.delete(id);
  }
}
