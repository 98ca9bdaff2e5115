import type { Json } from "../../core/json.ts";
import type { Stage } from "../../core/progress.ts";
import type { Lease, SessionRow } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import type { KnownBatches } from "../known-batches.ts";
import { retryBusy } from "../retry-busy.ts";
import type { HeldLease, Holding, Holdings } from "./holdings.ts";
import type { RemoteRuns } from "./remote-runs.ts";

/** All that is needed to run one item. */
export interface RemoteLease {
  readonly itemId: string;
  readonly token: number;
  readonly key: string;
  readonly input: Json;
  readonly size: number | null;
  readonly kind: string | null;
  /** What an earlier attempt saved. */
  readonly saved: Json;
  /** 1 for the first attempt of the item's life. */
  readonly attempt: number;
  readonly batch: {
    readonly id: string;
    readonly name: string | null;
    readonly queue: string;
    readonly pipeline: string;
    readonly options: Json;
    readonly stages: readonly Stage[];
    /** Time limit of the attempt, kept at its worker's heartbeats; null for none. */
    readonly timeoutMs: number | null;
  };
}

export interface RemoteClaimed {
  readonly leases: readonly RemoteLease[];
  /** When something that is not ready yet will be; null if nothing waits for time. */
  readonly nextAt: Date | null;
}

/** Claims items for workers outside and starts them, so that one call is enough. */
export class RemoteClaims {
  readonly #deps: Deps;
  readonly #batches: KnownBatches;
  readonly #holdings: Holdings;
  readonly #runs: RemoteRuns;
  #turn = 0;

  constructor(
    deps: Deps,
    parts: { readonly batches: KnownBatches; readonly holdings: Holdings; readonly runs: RemoteRuns },
  ) {
    this.#deps = deps;
    this.#batches = parts.batches;
    this.#holdings = parts.holdings;
    this.#runs = parts.runs;
  }

  /** @returns also whether all that could be claimed must wait for an item that runs */
  async claim(
    session: SessionRow,
    claim: {
      readonly limit: number;
      readonly held: readonly HeldLease[];
      /** When the worker was heard: what began later belongs to a claim that it made since, having given up this one. */
      readonly heardAt: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<RemoteClaimed & { readonly isBlocked: boolean }> {
    const { store, clock } = this.#deps;
    const { number: worker, queues, pipelines, concurrency } = session;
    let holdings: readonly Holding[] = [];
    const claimed = await retryBusy(this.#deps, async () => {
      // After a claim whose answer was lost, to the worker or to us.
      holdings = await this.#holdings.giveBackUnnamed(session, claim.held, {
        until: claim.heardAt,
        unstartedMs: 0,
      });
      // What it names it may still be running, though it has lost it.
      const limit = Math.min(claim.limit, concurrency - Math.max(holdings.length, claim.held.length));
      if (limit <= 0) return { leases: [], nextAt: null };
      return store.claim({ worker, queues, pipelines, limit, now: clock.now(), turn: this.#turn++ });
    });
    const leases = await this.#withoutCrashers(session, holdings, claimed.leases);
    const isBlocked = leases.length === 0 && claimed.leases.length > 0;
    const nextAt = claimed.nextAt === null ? null : new Date(claimed.nextAt);
    const started = await this.#start(leases);
    if (claim.signal?.aborted === true) {
      // Nobody waits for the answer any more.
      await this.#holdings.release(worker, started);
      return { leases: [], nextAt, isBlocked };
    }
    const told = await Promise.all(started.map((lease) => this.#toRemoteLease(lease)));
    return { leases: told.filter((lease) => lease !== null), nextAt, isBlocked };
  }

  async #start(leases: readonly Lease[]): Promise<readonly Lease[]> {
    const { store, clock } = this.#deps;
    if (leases.length === 0) return [];
    const startedAt = clock.now();
    const starts = leases.map((lease) => ({ type: "start" as const, item: lease.item, lease, startedAt }));
    const results = await retryBusy(this.#deps, () => store.record(starts, startedAt));
    const started = leases.filter((_, index) => results[index]?.ok === true);
    for (const lease of started) this.#runs.of(lease, lease.worker, startedAt);
    return started;
  }

  /** Null: the batch was removed meanwhile. */
  async #toRemoteLease(lease: Lease): Promise<RemoteLease | null> {
    const batch = this.#batches.get(lease.batch) ?? (await this.#batches.read(lease.batch));
    if (batch === null) return null;
    const { id: itemId, token, key, size, kind, attempt } = lease;
    const { id, name, queue, pipeline, options, stages, policy } = batch;
    return {
      itemId,
      token,
      key,
      input: lease.input === null ? null : (JSON.parse(lease.input) as Json),
      size,
      kind,
      saved: lease.saved === null ? null : (JSON.parse(lease.saved) as Json),
      attempt,
      batch: { id, name, queue, pipeline, options, stages, timeoutMs: policy.timeoutMs },
    };
  }

  /** Items that crashed a worker before run one at a time, so that a poison item takes no neighbour down twice. */
  async #withoutCrashers(
    session: SessionRow,
    holdings: readonly Holding[],
    leases: readonly Lease[],
  ): Promise<readonly Lease[]> {
    const crashers = leases.filter((lease) => lease.crashes > 0);
    if (crashers.length === 0) return leases;
    const details = await Promise.all(holdings.map(({ item }) => this.#deps.store.item({ number: item })));
    const runsCrasher = details.some((detail) => (detail?.item.crashes ?? 0) > 0);
    const passedOver = runsCrasher ? crashers : crashers.slice(1);
    await this.#holdings.release(session.number, passedOver);
    return leases.filter((lease) => !passedOver.includes(lease));
  }
}
