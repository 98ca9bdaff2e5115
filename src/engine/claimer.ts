import type { Timer } from "../ports/clock.ts";
import type { Lease } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import { KnownBatches } from "./known-batches.ts";
import type { Pipeline } from "./pipeline.ts";
import { ReadAhead } from "./read-ahead.ts";
import { type ReadyLease, ReadyLeases } from "./ready-leases.ts";
import type { Recorder } from "./recorder.ts";
import type { Session } from "./session.ts";

const DOUBT_EVERY_MS = 15_000;

export interface ClaimerOptions {
  readonly deps: Deps;
  readonly session: Session;
  readonly recorder: Recorder;
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly queues: readonly string[];
  /** Only this batch; null for all. */
  readonly batch: number | null;
  readonly concurrency: number;
  /** What runs now. */
  readonly running: ReadonlySet<{ readonly lease: Lease }>;
  /** Called when something that was not yet ready has become so. */
  readonly onDue: () => void;
}

/**
 * Gets a worker its work: claims ahead of its handlers, keeps what was claimed until it is started, and gives it back.
 *
 * Whatever the store holds for this worker is here, or running, or about to be given back: also after a claim whose answer
 * was lost.
 */
export class Claimer {
  readonly #options: ClaimerOptions;
  readonly #deps: Deps;
  readonly #readAhead: ReadAhead;
  readonly #ready = new ReadyLeases();
  readonly #batches: KnownBatches;
  #turn = 0;
  /** Rises with every hint that there may be work: one that comes while a claim is under way must not get lost. */
  #hints = 0;
  #isDry = false;
  #claiming: Promise<boolean> | null = null;
  /** True after a claim that may have taken effect though it failed, and where the store may have forgotten a report. */
  #mayHoldMore = false;
  #doubtedAt: number;
  #nextAt: number | null = null;
  #nextTimer: Timer | null = null;
  #isStopped = false;

  constructor(options: ClaimerOptions) {
    this.#options = options;
    this.#deps = options.deps;
    this.#batches = new KnownBatches(options.deps);
    this.#readAhead = new ReadAhead(options.concurrency);
    this.#doubtedAt = this.#deps.clock.monotonic();
  }

  /** Claimed items that have not been started. */
  get ready(): number {
    return this.#ready.size;
  }

  /** True while there is nothing to claim and nothing was heard since. */
  get isDry(): boolean {
    return this.#isDry;
  }

  /** Dry, with nothing to come by itself: no back-off and no scheduled start. */
  get isIdle(): boolean {
    return this.#isDry && this.#ready.size === 0 && this.#nextAt === null;
  }

  /** Hears that there may be work. */
  hint(): void {
    this.#isDry = false;
    this.#hints += 1;
  }

  /** The next lease to start, or undefined. `skipCrashers` passes over items that have crashed a worker before. */
  take(skipCrashers: boolean): ReadyLease | undefined {
    return this.#ready.take(skipCrashers);
  }

  /** False where a claim would find no room, or nothing. */
  get wantsMore(): boolean {
    if (this.#isDry) return false;
    return this.#mayHoldMore || !this.#readAhead.isEnough(this.#options.running.size, this.#ready.size);
  }

  /** Claims what the window has room for; `ended` counts handlers since the start. True if something came. Never two at once. */
  claim(ended: number): Promise<boolean> {
    this.#claiming = this.#claim(ended).finally(() => {
      this.#claiming = null;
    });
    return this.#claiming;
  }

  /** Resolves when a claim that is under way has arrived. */
  async arrived(): Promise<void> {
    await this.#claiming?.catch(() => {});
  }

  /** Returns what was claimed and not started; for everybody else it was pending all the time. */
  giveBack(): void {
    for (const { lease } of this.#ready.takeAll()) this.release(lease);
  }

  /** Gives back what was claimed for short items and must not wait behind long ones while another worker is free. */
  giveBackStale(): void {
    if (this.#readAhead.isStale(this.#deps.clock.monotonic())) this.giveBack();
  }

  /**
   * Takes it, now and then, that the store holds more for this worker than is known here: where its server crashed, it may have
   * forgotten reports. Before the next claim it is asked.
   */
  doubtAtTimes(): void {
    const now = this.#deps.clock.monotonic();
    if (now - this.#doubtedAt < DOUBT_EVERY_MS) return;
    this.#doubtedAt = now;
    this.#mayHoldMore = true;
    this.#isDry = false;
  }

  release(lease: Pick<Lease, "item" | "token" | "worker">): void {
    this.#options.recorder.send({ type: "release", item: lease.item, lease, startedAt: null });
  }

  /** Forgets everything: the session is lost, and others may have it by now. */
  forget(): void {
    this.#ready.takeAll();
  }

  stop(): void {
    this.#isStopped = true;
    this.#nextTimer?.cancel();
    this.giveBack();
  }

  async #claim(ended: number): Promise<boolean> {
    const { session, queues, pipelines, batch, running } = this.#options;
    const { clock, store } = this.#deps;
    const worker = session.number;
    if (this.#isDry || worker === null) return false;
    if (this.#mayHoldMore) await this.#giveBackUnknown(worker);
    const limit = this.#readAhead.room({
      running: running.size,
      waiting: this.#ready.size,
      ended,
      now: clock.monotonic(),
    });
    if (limit === 0 || session.number !== worker) return false;
    const hints = this.#hints;
    const now = clock.now();
    const turn = this.#turn++;
    const names = [...pipelines.keys()];
    const only = batch === null ? {} : { batch };
    // Until its answer has been dealt with, this claim may have brought more than is known here.
    this.#mayHoldMore = true;
    const claimed = await store.claim({ worker, queues, pipelines: names, ...only, limit, now, turn });
    const ready = await this.#prepare(claimed.leases);
    if (session.number !== worker) return false;
    this.#mayHoldMore = false;
    this.#ready.add(ready);
    this.#isDry = claimed.leases.length < limit && hints === this.#hints;
    this.#scheduleNext(claimed.nextAt);
    return claimed.leases.length > 0;
  }

  /** Reads what a start needs now, so that nothing has to be waited for between the last look at the orders and a start. */
  async #prepare(leases: readonly Lease[]): Promise<readonly ReadyLease[]> {
    const ready: ReadyLease[] = [];
    for (const lease of leases) {
      const batch = this.#batches.get(lease.batch) ?? (await this.#batches.read(lease.batch));
      const pipeline = batch === null ? undefined : this.#options.pipelines.get(batch.pipeline);
      if (batch === null || pipeline === undefined) this.release(lease);
      else ready.push({ lease, batch, pipeline });
    }
    return ready;
  }

  /** Gives back what the store says is held and nobody here knows of. What is about to be reported refuses it. */
  async #giveBackUnknown(worker: number): Promise<void> {
    const { held } = await this.#deps.store.orders(worker, null);
    if (this.#options.session.number !== worker) return;
    const known = new Set<string>();
    for (const { lease } of [...this.#ready.all(), ...this.#options.running]) known.add(`${lease.item} ${lease.token}`);
    for (const { item, token } of held) if (!known.has(`${item} ${token}`)) this.release({ item, token, worker });
    this.#mayHoldMore = false;
  }

  #scheduleNext(nextAt: number | null): void {
    this.#nextAt = nextAt;
    this.#nextTimer?.cancel();
    if (nextAt === null || this.#isStopped) return;
    const delayMs = Math.max(1, nextAt - this.#deps.clock.now());
    this.#nextTimer = this.#deps.clock.after(delayMs, this.#options.onDue);
  }
}
