import assert from "node:assert/strict";
import type { BatchRow } from "../core/batch.ts";
import type { ItemError } from "../core/errors.ts";
import { batchIdFrom } from "../core/ids.ts";
import type { ItemRow } from "../core/item.ts";
import { FRACTION_ONE, NO_PROGRESS } from "../core/progress.ts";
import { DEFAULT_POLICY, type Policy } from "../core/retry-policy.ts";
import type {
  BatchSpec,
  ClaimRequest,
  ControlCommand,
  ControlResult,
  ItemSpec,
  Lease,
  ReportBody,
  ReportResult,
  SessionSpec,
  Store,
  Submission,
  Submitted,
} from "../ports/store.ts";
import type { OpenedStore, OpenStore } from "./conformance-case.ts";
import { ManualClock } from "./manual-clock.ts";
import { SeededRandom } from "./seeded-random.ts";
import { StoreAuditor } from "./store-auditor.ts";

export interface BatchOptions extends Partial<Omit<BatchSpec, "policy">> {
  readonly policy?: Partial<Policy>;
  /** Items by number (`item-0` …), by key, or in part. */
  readonly items?: number | readonly (string | (Partial<ItemSpec> & { readonly key: string }))[];
  readonly seal?: boolean;
}

export interface MadeBatch {
  readonly number: number;
  readonly items: readonly number[];
  readonly spec: BatchSpec;
  readonly submitted: Submitted;
}

type LeaseLike = Pick<Lease, "item" | "token" | "worker">;

/** A store under trial, with short words for what the cases do to it. Every change is audited. */
export class StoreTrial {
  readonly clock: ManualClock;
  readonly auditor: StoreAuditor;
  readonly random = new SeededRandom(1);
  readonly opened: OpenedStore;
  /** The store, each change followed by an audit. */
  store: Store;
  #turn = 0;
  #pid = 100;
  readonly #names = new Set<string>();

  private constructor(opened: OpenedStore, clock: ManualClock) {
    this.clock = clock;
    this.opened = opened;
    this.auditor = new StoreAuditor(opened.store);
    this.store = audited(opened.store, this.auditor);
  }

  static async open(openStore: OpenStore): Promise<StoreTrial> {
    const clock = new ManualClock();
    return new StoreTrial(await openStore(clock), clock);
  }

  /** The last look: nothing is wrong with what the store has kept. */
  async finish(): Promise<void> {
    assert.deepEqual(await this.store.verify({ repair: false }), [], "verify finds nothing wrong");
  }

  /** Closes the store and opens it again, as a restart does. */
  async reopen(): Promise<void> {
    const store = await this.opened.reopen?.();
    assert.ok(store !== undefined, "this kind of store can be opened again");
    this.auditor.watch(store);
    this.store = audited(store, this.auditor);
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  /** A name, key or queue not used before in this trial. */
  name(stem: string): string {
    const name = `${stem}-${this.#names.size + 1}`;
    this.#names.add(name);
    return name;
  }

  spec(options: BatchOptions = {}): BatchSpec {
    const { items: _items, seal: _seal, policy, ...given } = options;
    return {
      id: batchIdFrom(this.clock.now(), this.random.bytes(10)),
      owner: "owner",
      name: null,
      queue: "main",
      pipeline: "pipeline",
      options: null,
      stages: [],
      priority: 0,
      startAt: null,
      work: "pipeline",
      ...given,
      policy: { ...DEFAULT_POLICY, ...policy },
    };
  }

  async batch(options: BatchOptions = {}): Promise<MadeBatch> {
    const spec = this.spec(options);
    const submitted = await this.submit(spec, options.items ?? 1, { seal: options.seal ?? true });
    assert.ok(submitted.batch !== null);
    return { number: submitted.batch.number, items: submitted.items, spec, submitted };
  }

  submit(
    batch: BatchSpec | number,
    items: BatchOptions["items"] = [],
    options: Partial<Pick<Submission, "seal" | "firstOrdinal" | "request">> = {},
  ): Promise<Submitted> {
    return this.store.submit({ batch, items: toItemSpecs(items), seal: true, now: this.clock.now(), ...options });
  }

  worker(options: Partial<SessionSpec> = {}): Promise<number> {
    const pid = this.#pid++;
    return this.store.openSession({
      name: `host:${pid}`,
      host: "host",
      pid,
      birth: String(pid),
      queues: ["main"],
      batch: null,
      pipelines: null,
      concurrency: 4,
      leaseMs: 30_000,
      now: this.clock.now(),
      ...options,
    });
  }

  async claim(worker: number, options: Partial<ClaimRequest> = {}): Promise<readonly Lease[]> {
    const turn = this.#turn++;
    const request = { worker, queues: ["main"], pipelines: null, limit: 100, now: this.clock.now(), turn, ...options };
    const { leases } = await this.store.claim(request);
    assert.ok(leases.length <= request.limit, `at most ${request.limit} are claimed, found ${leases.length}`);
    for (const lease of leases) assert.equal(lease.worker, worker, "a lease names its worker");
    return leases;
  }

  /** Claims exactly one item. */
  async claimOne(worker: number, options: Partial<ClaimRequest> = {}): Promise<Lease> {
    const [lease] = await this.claim(worker, { ...options, limit: 1 });
    assert.ok(lease !== undefined, "an item can be claimed");
    return lease;
  }

  async report(lease: LeaseLike | { readonly item: number }, body: ReportBody): Promise<ReportResult> {
    const held = "token" in lease ? { token: lease.token, worker: lease.worker } : null;
    const results = await this.store.record([{ item: lease.item, lease: held, ...body }], this.clock.now());
    assert.equal(results.length, 1, "each report is answered");
    return results[0] ?? { ok: false, reason: "not-found" };
  }

  start(lease: LeaseLike): Promise<ReportResult> {
    return this.report(lease, { type: "start", startedAt: this.clock.now() });
  }

  progress(lease: LeaseLike, fraction: number, stage: string | null = null): Promise<ReportResult> {
    return this.report(lease, {
      type: "progress",
      startedAt: this.clock.now(),
      progress: { ...NO_PROGRESS, stage },
      fraction: Math.floor(fraction * FRACTION_ONE),
    });
  }

  complete(lease: LeaseLike | { readonly item: number }, output: string | null = null): Promise<ReportResult> {
    return this.report(lease, { type: "complete", startedAt: this.clock.now(), output });
  }

  fail(
    lease: LeaseLike | { readonly item: number },
    options: { readonly retryAt?: number; readonly error?: Partial<ItemError>; readonly saved?: string } = {},
  ): Promise<ReportResult> {
    const { retryAt, error, ...saved } = options;
    const body = { name: "Error", message: "broken", code: null, ...error };
    return this.report(lease, {
      type: "fail",
      startedAt: this.clock.now(),
      error: body,
      retryAt: retryAt ?? null,
      ...saved,
    });
  }

  release(
    lease: LeaseLike,
    options: { readonly startedAt?: number; readonly saved?: string; readonly isCrash?: boolean } = {},
  ) {
    return this.report(lease, { type: "release", startedAt: null, ...options });
  }

  command(command: ControlCommand): Promise<ControlResult> {
    return this.store.control(command, this.clock.now());
  }

  /** Gives the command until it is carried out whole; returns how many items changed, in how many steps. */
  async commandWhole(command: ControlCommand): Promise<{ readonly changed: number; readonly steps: number }> {
    let changed = 0;
    for (let steps = 1; ; steps++) {
      const result = await this.command(command);
      assert.ok(result.ok, `${command.type} is accepted`);
      changed += result.changed;
      if (!result.more) return { changed, steps };
      assert.ok(steps < 100, `${command.type} comes to an end`);
    }
  }

  /** Makes calls at once, without waiting between them; only what they left together is looked at. */
  async together<T>(calls: readonly ((store: Store) => Promise<T>)[]): Promise<readonly T[]> {
    const results = await Promise.all(calls.map((call) => call(this.opened.store)));
    await this.auditor.accept();
    return results;
  }

  async row(batch: number): Promise<BatchRow> {
    const row = await this.store.batch({ number: batch });
    assert.ok(row !== null, `batch ${batch} is there`);
    return row;
  }

  async item(number: number): Promise<ItemRow> {
    const detail = await this.store.item({ number });
    assert.ok(detail !== null, `item ${number} is there`);
    return detail.item;
  }

  /** Asserts that `action` is refused as `reason` and that nothing at all has changed. */
  async assertRefused(action: () => Promise<ReportResult | ControlResult>, reason: string): Promise<void> {
    const before = await this.auditor.dump();
    const result = await action();
    assert.equal(result.ok, false, "the report or command is refused");
    assert.equal(result.ok ? null : result.reason, reason, "for this reason");
    assert.deepEqual(await this.auditor.dump(), before, "a refusal changes nothing");
  }
}

function toItemSpecs(items: BatchOptions["items"]): readonly ItemSpec[] {
  const list = typeof items === "number" ? Array.from({ length: items }, (_, index) => `item-${index}`) : (items ?? []);
  return list.map((item) => ({
    input: null,
    size: null,
    kind: null,
    priority: 0,
    ...(typeof item === "string" ? { key: item } : item),
  }));
}

/** The store with an audit after each call that may change something. */
function audited(store: Store, auditor: StoreAuditor): Store {
  const check = async <T>(what: string, call: Promise<T>): Promise<T> => {
    const result = await call;
    await auditor.check(what);
    return result;
  };
  return {
    location: store.location,
    openSession: (session) => store.openSession(session),
    beat: (worker) => store.beat(worker),
    orders: (worker, confirmed) => store.orders(worker, confirmed),
    closeSession: (worker, now) => check("closeSession", store.closeSession(worker, now)),
    reap: (now, isDead) => check("reap", store.reap(now, isDead)),
    submit: (submission) => check("submit", store.submit(submission)),
    claim: (request) => check("claim", store.claim(request)),
    record: (reports, now) => check(`record ${reports[0]?.type}`, store.record(reports, now)),
    amend: (amendment) => check("amend", store.amend(amendment)),
    control: (command, now) => check(`control ${command.type}`, store.control(command, now)),
    queues: () => store.queues(),
    sessions: () => store.sessions(),
    session: (worker) => store.session(worker),
    batches: (query) => store.batches(query),
    countBatches: (filter) => store.countBatches(filter),
    batch: (ref) => store.batch(ref),
    versions: (ids, owner) => store.versions(ids, owner),
    items: (query) => store.items(query),
    item: (ref) => store.item(ref),
    changes: (batch, since, limit) => store.changes(batch, since, limit),
    breakdown: (batch) => store.breakdown(batch),
    learn: (batch, change) => check("learn", store.learn(batch, change)),
    history: (work) => store.history(work),
    evidence: (batch) => store.evidence(batch),
    prune: (retention, now) => check("prune", store.prune(retention, now)),
    verify: (options) => store.verify(options),
    checkpoint: (batch, now) => check("checkpoint", store.checkpoint(batch, now)),
    subscribe: (listener) => store.subscribe(listener),
    close: () => store.close(),
  };
}
