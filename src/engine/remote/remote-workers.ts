import { LIMITS } from "../../core/limits.ts";
import { requireWhole } from "../../core/options.ts";
import type { Control } from "../../core/queue.ts";
import type { WorkerSnapshot } from "../../core/worker-snapshot.ts";
import type { SessionRow } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import type { Estimates } from "../estimates.ts";
import { Hint, pause } from "../hint.ts";
import { KnownBatches } from "../known-batches.ts";
import { Loop } from "../loop.ts";
import { toWorkerSnapshot } from "../worker-list.ts";
import { type HeldLease, Holdings } from "./holdings.ts";
import { type RemoteClaimed, RemoteClaims } from "./remote-claims.ts";
import { type RemoteReport, RemoteReports, type RemoteResult } from "./remote-reports.ts";
import { RemoteRuns } from "./remote-runs.ts";
import {
  isOfSession,
  type RemoteWorkerOptions,
  remoteIdOf,
  sessionNumberOf,
  toSessionSpec,
  unknownWorker,
} from "./remote-session.ts";
import { TimeLimits } from "./time-limits.ts";

/** How long a call may wait for news, and what ends its waiting. */
interface Waiting {
  /** At most a third of the lease is waited. Default 0. */
  readonly waitMs?: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

export interface RemoteClaim extends Waiting {
  /** 1 to 500; no more comes than the worker's concurrency has room for. */
  readonly limit: number;
  /** All that the worker knows to hold; of others it did not hear, and they are given back. */
  readonly held: readonly HeldLease[];
}

export interface Heartbeat extends Waiting {
  /** All that the worker knows to hold. What it does not, and began some seconds ago, is given back. */
  readonly held: readonly HeldLease[];
  /** The revision of the orders on which it has acted: of the last answer. Null before the first. */
  readonly confirmed: number | null;
}

/** What is wanted of an item. `lost`: the lease is over, nothing of it is taken any more. */
export type RemoteOrder = "go-on" | "pause" | "abort" | "lost";

export interface RemoteOrders {
  /** To be confirmed with the next heartbeat, once they are acted on. */
  readonly revision: number;
  /** How long the session lasts without another call. */
  readonly leftMs: number;
  /** The worker is given nothing more: once what it runs has ended, it closes its session and ends. */
  readonly isDraining: boolean;
  /** One for each lease that the worker named. */
  readonly orders: readonly { readonly itemId: string; readonly token: number; readonly order: RemoteOrder }[];
}

const ORDER_OF: Readonly<Record<Control, RemoteOrder>> = { run: "go-on", pause: "pause", stop: "abort" };

const TELL_EVERY_MS = 1_000;
/** Commits of others hint often: between two looks for news lies this much time. */
const LOOK_EVERY_MS = 20;
/** A lost hint costs this much time. */
const POLL_EVERY_MS = 1_000;
/** So old must a lease be that a heartbeat does not name, before it is given back: the answer to its claim may be on its way. */
const UNNAMED_MS = 5_000;
/** A call waits for news no longer than one of so many parts of its worker's lease. */
const WAITS_PER_LEASE = 3;

/** What a look for news found. */
interface Look {
  readonly isNews: boolean;
  /** When there may be news without a hint. */
  readonly nextAt: number | null;
  /** True where hints are none, for a while. */
  readonly isBlocked?: boolean;
}

/**
 * Leases for workers that are no process of the engine: programs in any language that claim, report and hear orders by calls.
 *
 * All that counts is in the store: any process of it can answer the next call, and a restart changes nothing for the worker. It
 * lives as long as it calls. Once it was silent for longer than its lease it is gone, its items run elsewhere, and what it
 * still reports of them is refused by their tokens.
 */
export class RemoteWorkers {
  readonly #deps: Deps;
  readonly #runs: RemoteRuns;
  readonly #holdings: Holdings;
  readonly #claims: RemoteClaims;
  readonly #reports: RemoteReports;
  readonly #limits: TimeLimits;
  readonly #loop: Loop;
  /** Calls under way that give out or take back leases, by session. */
  readonly #turns = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(deps: Deps, estimates: Estimates) {
    this.#deps = deps;
    const batches = new KnownBatches(deps);
    this.#runs = new RemoteRuns(deps, estimates);
    const parts = { batches, runs: this.#runs };
    this.#holdings = new Holdings(deps, parts);
    this.#claims = new RemoteClaims(deps, { ...parts, holdings: this.#holdings });
    this.#reports = new RemoteReports(deps, parts);
    this.#limits = new TimeLimits(deps, parts);
    this.#loop = new Loop({ deps, everyMs: TELL_EVERY_MS, task: () => this.#runs.tell(false) });
  }

  /** Ends what waits. Workers and what they hold stay, for the next process to answer them. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#loop.stop();
    await this.#runs.tell(true);
  }

  /** Opens a session. @throws {MilepostError} `INVALID_ARGUMENT` */
  async open(options: RemoteWorkerOptions): Promise<WorkerSnapshot> {
    const spec = toSessionSpec(this.#deps, options);
    const number = await this.#deps.store.openSession(spec);
    const opened = { openedAt: spec.now, silentMs: 0, confirmed: 0, held: 0, isDraining: false };
    return toWorkerSnapshot(this.#deps, { ...spec, ...opened, number }, 0);
  }

  /** Ends a session: what it still holds goes back to pending, without a crash. @throws {MilepostError} `NOT_FOUND` */
  async close(id: string): Promise<void> {
    const session = await this.#find(id);
    await this.#deps.store.closeSession(session.number, this.#deps.clock.now());
  }

  /**
   * Claims items and starts them: the starts are committed when it answers. A worker makes one claim at a time.
   * @throws {MilepostError} `NOT_FOUND`: the session ended; `INVALID_ARGUMENT`
   */
  async claim(id: string, claim: RemoteClaim): Promise<RemoteClaimed & { readonly isDraining: boolean }> {
    requireWhole("limit", claim.limit, 1, LIMITS.claimItems);
    const heardAt = this.#deps.clock.now();
    const session = await this.#find(id);
    let claimed: RemoteClaimed = { leases: [], nextAt: null };
    let { isDraining } = session;
    await this.#waitFor(session, claim, async () => {
      const { isBlocked, ...found } = await this.#inTurn(session.number, () =>
        this.#claims.claim(session, { ...claim, heardAt }),
      );
      claimed = found;
      const isFound = found.leases.length > 0;
      if (!isFound) isDraining = (await this.#deps.store.orders(session.number, null)).isDraining;
      return { isNews: isFound || isDraining, nextAt: found.nextAt?.getTime() ?? null, isBlocked };
    });
    return { ...claimed, isDraining };
  }

  /**
   * Renews the lease and says what is wanted of each item: at once or, if nothing is new since the confirmed orders, when
   * something is. A pause or stop is acknowledged once every worker that holds something has confirmed it.
   * @throws {MilepostError} `NOT_FOUND`: the session ended, and with it every lease
   */
  async heartbeat(id: string, heartbeat: Heartbeat): Promise<RemoteOrders> {
    const { held, confirmed } = heartbeat;
    const { store, clock } = this.#deps;
    const session = await this.#find(id);
    const renewedAt = clock.monotonic();
    const unnamed = { until: clock.now() - UNNAMED_MS, unstartedMs: UNNAMED_MS };
    await this.#inTurn(session.number, () => this.#holdings.giveBackUnnamed(session, held, unnamed));
    let told = await this.#look(session, held);
    const isNews = (): boolean => told.revision !== confirmed || told.orders.some(({ order }) => order === "lost");
    // One that nobody has given yet cannot have been acted on.
    if (confirmed !== null && confirmed <= told.revision) await store.orders(session.number, confirmed);
    await this.#waitFor(session, heartbeat, async () => {
      if (!isNews()) {
        const isDue = told.limitAt !== null && told.limitAt <= clock.now();
        const { revision } = await store.orders(session.number, confirmed);
        if (isDue || revision !== told.revision) told = await this.#look(session, held);
      }
      return { isNews: isNews(), nextAt: told.limitAt };
    });
    const leftMs = Math.max(0, session.leaseMs - (clock.monotonic() - renewedAt));
    return { revision: told.revision, leftMs, isDraining: told.isDraining, orders: told.orders };
  }

  /**
   * Records reports in one commit; each has its own result. They may be repeated.
   * @throws {MilepostError} `INVALID_ARGUMENT` or `NOT_JSON`, and nothing is recorded; `NOT_FOUND` for what is no worker's id
   */
  async report(id: string, reports: readonly RemoteReport[]): Promise<readonly RemoteResult[]> {
    const number = sessionNumberOf(id);
    const session = await this.#deps.store.session(number);
    if (session !== null && !isOfSession(id, session)) throw unknownWorker(id);
    // Of a session that ended, the tokens say what became of each report.
    if (session !== null) await this.#deps.store.beat(number);
    return this.#reports.record(number, reports);
  }

  /** The session, renewed. */
  async #find(id: string): Promise<SessionRow> {
    const { store } = this.#deps;
    const number = sessionNumberOf(id);
    const session = await store.session(number);
    if (session === null || !isOfSession(id, session) || !(await store.beat(number))) throw unknownWorker(id);
    return session;
  }

  /** What is wanted of the leases that the worker names, and when the first of them comes to its time limit. */
  async #look(session: SessionRow, held: readonly HeldLease[]) {
    const { store, clock } = this.#deps;
    const found = await store.orders(session.number, null);
    if (found.leftMs === 0) throw unknownWorker(remoteIdOf(session));
    const holdings = new Map((await this.#holdings.of(found)).map((each) => [`${each.id} ${each.token}`, each]));
    const orders: RemoteOrders["orders"][number][] = [];
    let limitAt: number | null = null;
    for (const { itemId, token, isHalted = false } of held) {
      const holding = holdings.get(`${itemId} ${token}`);
      const leftMs = holding === undefined ? 0 : await this.#limits.leftOf(session, holding, isHalted);
      const isOver = holding === undefined || (leftMs !== null && leftMs <= 0);
      if (!isOver && leftMs !== null) limitAt = Math.min(limitAt ?? Number.POSITIVE_INFINITY, clock.now() + leftMs);
      orders.push({ itemId, token, order: isOver ? "lost" : ORDER_OF[holding.control] });
    }
    return { revision: found.revision, isDraining: found.isDraining, orders, limitAt };
  }

  /** Looks again whenever there may be news, until there are, the time is over or nobody waits any more. */
  async #waitFor(session: SessionRow, { waitMs = 0, signal }: Waiting, look: () => Promise<Look>): Promise<void> {
    const { clock } = this.#deps;
    requireWhole("waitMs", waitMs, 0, LIMITS.leaseMaxMs);
    const until = clock.monotonic() + Math.min(waitMs, Math.floor(session.leaseMs / WAITS_PER_LEASE));
    const ending = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const hint = new Hint(this.#deps);
    const leftMs = (): number => Math.max(0, until - clock.monotonic());
    try {
      for (;;) {
        hint.clear();
        const { isNews, nextAt, isBlocked = false } = await look();
        if (isNews || leftMs() === 0 || ending.aborted) return;
        await pause(this.#deps, Math.min(leftMs(), isBlocked ? POLL_EVERY_MS : LOOK_EVERY_MS), ending);
        const nextMs = nextAt === null ? POLL_EVERY_MS : Math.max(1, nextAt - clock.now());
        if (!isBlocked) await hint.wait(Math.min(leftMs(), nextMs, POLL_EVERY_MS), ending);
      }
    } finally {
      hint.close();
    }
  }

  /** One after the other for each session: what a claim under way has brought must not pass for something nobody knows of. */
  #inTurn<T>(session: number, task: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(session) ?? Promise.resolve()).then(task);
    const settled: Promise<void> = done.then(
      () => this.#leaveTurn(session, settled),
      () => this.#leaveTurn(session, settled),
    );
    this.#turns.set(session, settled);
    return done;
  }

  #leaveTurn(session: number, settled: Promise<void>): void {
    if (this.#turns.get(session) === settled) this.#turns.delete(session);
  }
}
