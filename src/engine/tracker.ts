import type { BatchRow } from "../core/batch.ts";
import { MilepostError } from "../core/errors.ts";
import { unreachable } from "../core/invariant.ts";
import { type ItemRow, type ItemSnapshot, toItemSnapshot } from "../core/item.ts";
import { toItemError } from "../core/item-error.ts";
import { type Json, toJsonText } from "../core/json.ts";
import { LIMITS } from "../core/limits.ts";
import { listOf, requireRule, TEXT } from "../core/options.ts";
import { FRACTION_ONE, fractionOf, type ItemProgress, type Stage, toItemProgress } from "../core/progress.ts";
import type { AmendBody } from "../ports/amendment.ts";
import type { Lease, ReportBody } from "../ports/store.ts";
import type { Batch } from "./batch.ts";
import { notFound } from "./control.ts";
import type { Deps } from "./deps.ts";
import type { Estimates } from "./estimates.ts";
import { KnownBatches } from "./known-batches.ts";
import { Learner, type Run } from "./learner.ts";
import { Loop } from "./loop.ts";
import { wasRecorded } from "./recorded.ts";
import { retryBusy } from "./retry-busy.ts";
import { Session } from "./session.ts";

/** A lease this caller won. Once lost it stays here, so that late reports go on bearing its token. */
interface Held extends Run {
  readonly lease: Lease;
  readonly startedAt: number;
  fraction: number;
  isCached: boolean;
  isLost: boolean;
}

/** What `amend` makes of an item. `saved` is kept until the item is completed. */
export type ItemChange =
  | {
      readonly type: "progress";
      readonly progress: Partial<ItemProgress>;
      /** How far the item is, 0 to 1, as its caller has it; it may go back. */
      readonly fraction: number;
      readonly saved?: Json;
    }
  | { readonly type: "complete"; readonly output: Json; readonly saved?: undefined }
  | { readonly type: "fail"; readonly error: unknown; readonly saved?: Json };

/** What was seen of how long items take is told this often. */
const TELL_EVERY_MS = 1_000;
/** A claim whose answer was lost is looked after this often. */
const LOOK_EVERY_MS = 1_000;
/** What a caller's run has not: pauses that it keeps, and stages by time. */
const UNMEASURED = { countedMs: 0, isCached: false, haltedMsAt: () => 0, stageMsAt: () => null } as const;

/**
 * Tracks work that its caller runs: the caller drives the loop and reports; leases, tokens, counters and the feed are those of
 * all other work. Items are named by their ids. Every report answers with the ids that it was recorded for: an id that is
 * missing has lost its lease (cancelled, taken over after this process was thought dead) or was not in a state for it.
 */
export class Tracker {
  readonly #deps: Deps;
  readonly #session: Session;
  readonly #learner: Learner;
  #toldAt = Number.NEGATIVE_INFINITY;
  readonly #leases = new Map<string, Held>();
  /** What a claim asked for that may have taken effect though its answer was lost. */
  #unanswered: ReadonlySet<number> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #loop: Loop;
  readonly #batches: KnownBatches;
  readonly #onClosed: () => void;

  private constructor(
    deps: Deps,
    session: Session,
    parts: { readonly learner: Learner; readonly onClosed: () => void },
  ) {
    this.#learner = parts.learner;
    this.#onClosed = parts.onClosed;
    this.#deps = deps;
    this.#batches = new KnownBatches(deps);
    this.#session = session;
    this.#loop = new Loop({ deps, everyMs: LOOK_EVERY_MS, task: () => this.#inTurn(() => this.#giveBackUnknown()) });
  }

  static async open(
    deps: Deps,
    estimates: Estimates,
    options: { readonly leaseMs?: number; readonly onClosed: (tracker: Tracker) => void },
  ): Promise<Tracker> {
    const session = await Session.open({
      deps,
      concurrency: 0,
      leaseMs: options.leaseMs ?? 15_000,
      queues: [],
      batch: null,
      pipelines: null,
    });
    const learner = new Learner(deps, estimates, 0);
    const tracker: Tracker = new Tracker(deps, session, { learner, onClosed: () => options.onClosed(tracker) });
    session.onLost = () => {
      for (const held of tracker.#leases.values()) held.isLost = true;
    };
    return tracker;
  }

  /** Marks pending items as processing. Returns the ids this caller won; others may have won the rest. */
  async start(ids: readonly string[]): Promise<readonly string[]> {
    this.#requireOpen();
    requireRule("ids", ids, listOf(TEXT));
    return this.#inTurn(() => this.#start(ids));
  }

  /** Where items stand; the same stage rules as for handlers. */
  progress(ids: readonly string[], progress: Partial<ItemProgress>): Promise<readonly string[]> {
    return this.#report(ids, (id, startedAt, stages) => {
      const whole = toItemProgress(progress);
      const held = this.#leases.get(id);
      const fraction = Math.max(held?.fraction ?? 0, fractionOf(stages, whole));
      if (held !== undefined) held.fraction = fraction;
      return { type: "progress", startedAt, progress: whole, fraction };
    });
  }

  /**
   * Ends items as completed; an item that was never started makes both transitions in one commit. `isCached`: the result was
   * there already, so that what they took says nothing of how long others take.
   */
  complete(
    ids: readonly string[],
    output: Json = null,
    { isCached = false }: { readonly isCached?: boolean } = {},
  ): Promise<readonly string[]> {
    for (const id of isCached ? ids : []) {
      const held = this.#leases.get(id);
      if (held !== undefined) held.isCached = true;
    }
    const text = output === null ? null : toJsonText(output, "the output");
    return this.#report(ids, (_id, startedAt) => ({ type: "complete", startedAt, output: text }));
  }

  /** Ends items as failed, with a message or anything that was thrown. */
  fail(ids: readonly string[], error: unknown): Promise<readonly string[]> {
    const data = toItemError(error);
    return this.#report(ids, (_id, startedAt) => ({ type: "fail", startedAt, error: data, retryAt: null }));
  }

  /**
   * Changes one item by what it is, in one transaction: `change` gets the item and says what becomes of it; what it throws
   * changes nothing. The item is this caller's after it, whoever held it before, paused or not: for work that several
   * callers report on. `change` may be called more than once and must do nothing else.
   * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` for an item that has ended; `CLOSED`
   */
  async amend(
    batch: Batch,
    key: string,
    change: (item: ItemSnapshot & { readonly saved: Json }) => ItemChange,
  ): Promise<ItemSnapshot> {
    requireRule("the key of an item", key, TEXT);
    const ref = { batch: await batch.number(), key };
    const toBody = (row: ItemRow): AmendBody => this.#toBody(row, change({ ...toItemSnapshot(row), saved: row.saved }));
    const amended = await retryBusy(this.#deps, async () => {
      const worker = this.#session.number;
      const now = this.#deps.clock.now();
      const result = worker === null ? null : await this.#deps.store.amend({ ref, worker, change: toBody, now });
      if (result !== null && (result.ok || result.reason !== "lease-lost")) return result;
      this.#requireOpen();
      // A new session opens by itself; whose the item was before does not matter.
      throw new MilepostError("STORE_UNAVAILABLE", "the tracker was taken for dead and comes back; try again");
    });
    if (amended.ok) {
      await this.#learnOf(ref.batch, amended.item);
      return toItemSnapshot(amended.item, { withSaved: true });
    }
    if (amended.reason === "not-found") throw notFound(`item ${key}`);
    throw new MilepostError("CONFLICT", `item ${key} cannot be changed: ${amended.reason}`);
  }

  /** Gives items back to pending, keeping `saved` for the next attempt. */
  release(ids: readonly string[], saved?: Json): Promise<readonly string[]> {
    const text = saved === undefined ? {} : { saved: toJsonText(saved, "saved data") };
    return this.#report(ids, (_id, startedAt) => ({ type: "release", startedAt, ...text }));
  }

  /** True while this caller holds the item. */
  isHolding(id: string): boolean {
    return this.#leases.get(id)?.isLost === false;
  }

  /** Gives back what is still held. */
  async close(): Promise<void> {
    await this.#loop.stop();
    if (this.#session.number !== null) await this.#tell(true);
    await this.#session.close();
    this.#onClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Takes in how long an item took that this caller was the one to end. */
  async #learnOf(batch: number, { number, state, startedAt, endedAt, size, kind, error }: ItemRow): Promise<void> {
    if (startedAt === null || endedAt === null) return;
    const run = { lease: { item: number, batch, size, kind }, startedAt, ...UNMEASURED };
    const report = { item: number, lease: null, startedAt, endedAt };
    if (state === "completed") this.#learner.ended(run, { ...report, type: "complete", output: null });
    else if (error !== null) this.#learner.ended(run, { ...report, type: "fail", error, retryAt: null });
    await this.#tell();
  }

  #toBody({ startedAt }: ItemRow, change: ItemChange): AmendBody {
    const at = startedAt ?? this.#deps.clock.now();
    const saved = change.saved === undefined ? {} : { saved: toJsonText(change.saved, "saved data") };
    switch (change.type) {
      case "progress": {
        const fraction = Math.floor(Math.min(1, Math.max(0, change.fraction)) * FRACTION_ONE);
        const progress = toItemProgress(change.progress);
        return { type: "progress", startedAt: at, progress, fraction, mayGoBack: true, ...saved };
      }
      case "complete":
        return { type: "complete", startedAt: at, output: toJsonText(change.output, "the output") };
      case "fail":
        return { type: "fail", startedAt: at, error: toItemError(change.error), retryAt: null, ...saved };
      default:
        return unreachable(change);
    }
  }

  async #start(ids: readonly string[]): Promise<readonly string[]> {
    const { store, clock } = this.#deps;
    const won: string[] = [];
    for (let from = 0; from < ids.length; from += LIMITS.claimItems) {
      const items = await this.#find(ids.slice(from, from + LIMITS.claimItems));
      const worker = this.#requireSession();
      const only = [...items.values()].map(({ item }) => item);
      const startedAt = clock.now();
      const request = { worker, queues: [], pipelines: null, limit: only.length, now: startedAt, turn: 0, only };
      const { leases } = await retryBusy(this.#deps, async () => {
        await this.#giveBackUnknown();
        // Until its answer has been dealt with, this claim may have brought more than is known here.
        this.#unanswered = new Set(only);
        return store.claim(request);
      });
      const reports = leases.map((lease) => ({ type: "start" as const, item: lease.item, lease, startedAt }));
      const results = await retryBusy(this.#deps, () => store.record(reports, startedAt));
      this.#unanswered = null;
      for (const [index, lease] of leases.entries()) {
        if (!results[index]?.ok) continue;
        this.#leases.set(lease.id, { lease, startedAt, fraction: 0, isLost: false, ...UNMEASURED });
        won.push(lease.id);
      }
    }
    return won;
  }

  /** One after the other: what a claim under way has brought must not pass for something nobody knows of. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** After a claim whose answer was lost: gives back what the store says is held and nobody here knows of. */
  async #giveBackUnknown(): Promise<void> {
    const { store, clock } = this.#deps;
    const worker = this.#session.number;
    const asked = this.#unanswered;
    if (asked === null || worker === null) return;
    const { held } = await store.orders(worker, null);
    const known = new Set(Array.from(this.#leases.values(), ({ lease }) => `${lease.item} ${lease.token}`));
    const unknown = held.filter(({ item, token }) => asked.has(item) && !known.has(`${item} ${token}`));
    const reports = unknown.map(({ item, token }) => ({
      type: "release" as const,
      item,
      lease: { token, worker },
      startedAt: null,
    }));
    if (reports.length > 0) await store.record(reports, clock.now());
    this.#unanswered = null;
  }

  async #report(
    ids: readonly string[],
    toBody: (id: string, startedAt: number, stages: readonly Stage[]) => ReportBody,
  ): Promise<readonly string[]> {
    this.#requireOpen();
    requireRule("ids", ids, listOf(TEXT));
    const recorded: string[] = [];
    for (let from = 0; from < ids.length; from += LIMITS.claimItems) {
      const items = await this.#find(ids.slice(from, from + LIMITS.claimItems));
      const now = this.#deps.clock.now();
      const entries = [...items.entries()];
      const reports = entries.map(([id, { item, batch }]) => {
        const held = this.#leases.get(id);
        return { item, lease: held?.lease ?? null, ...toBody(id, held?.startedAt ?? now, batch.stages) };
      });
      let tries = 0;
      const results = await retryBusy(this.#deps, () => {
        tries += 1;
        return this.#deps.store.record(reports, now);
      });
      for (const [index, [id]] of entries.entries()) {
        const held = this.#leases.get(id);
        const report = reports[index];
        const isOk = results[index]?.ok === true;
        const isRecorded = isOk || (tries > 1 && report !== undefined && (await wasRecorded(this.#deps, report)));
        if (isRecorded) recorded.push(id);
        if (isRecorded && held !== undefined && report !== undefined) this.#learner.ended(held, report, now);
        // A lost lease is remembered: without it, the next late mark would pass for one of an item that nobody holds.
        if (held !== undefined && !isRecorded) held.isLost = true;
        else if (report?.type !== "progress") this.#leases.delete(id);
      }
    }
    await this.#tell();
    return recorded;
  }

  /** Whoever tracks drives the loop: what was seen is told with his reports. */
  async #tell(isLast = false): Promise<void> {
    const now = this.#deps.clock.monotonic();
    if (!isLast && now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    const running = [...this.#leases.values()].filter(({ isLost }) => !isLost);
    await this.#learner.tell(running, { isDry: true, isLast });
  }

  /** What is asked for, by id; ids of batches that are gone are left out. @throws {MilepostError} `INVALID_ARGUMENT` */
  async #find(
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly batch: BatchRow; readonly item: number }>> {
    const found = new Map<string, { readonly batch: BatchRow; readonly item: number }>();
    for (const id of ids) {
      const item = await this.#batches.ofItem(id);
      if (item !== null) found.set(id, item);
    }
    return found;
  }

  /** A closed tracker has given its items back: what it would say of them now, or of others, is not recorded. */
  #requireOpen(): void {
    if (this.#session.isClosed) throw new MilepostError("CLOSED", "the tracker was closed; open another");
  }

  #requireSession(): number {
    this.#requireOpen();
    if (this.#session.number !== null) return this.#session.number;
    throw new MilepostError("LEASE_LOST", "this tracker's session was taken for dead; its items went back to pending");
  }
}
