import { itemIdFrom, splitItemNumber } from "../../core/ids.ts";
import type { Control } from "../../core/queue.ts";
import type { Orders, SessionRow } from "../../ports/store.ts";
import type { Deps } from "../deps.ts";
import type { KnownBatches } from "../known-batches.ts";
import type { RemoteRuns } from "./remote-runs.ts";

/** A lease as a worker names it. */
export interface HeldLease {
  readonly itemId: string;
  readonly token: number;
  /** True while its work waits because of a pause. */
  readonly isHalted?: boolean;
}

/** A lease that the store says a session holds. */
export interface Holding {
  readonly id: string;
  readonly item: number;
  readonly token: number;
  readonly control: Control;
}

/** Leases without a start that are remembered; of others it begins anew. */
const KNOWN_MAX = 1_000;

/** What workers hold by the store, beside what they name. */
export class Holdings {
  readonly #deps: Deps;
  readonly #batches: KnownBatches;
  readonly #runs: RemoteRuns;
  readonly #unstartedSince = new Map<string, number>();

  constructor(deps: Deps, parts: { readonly batches: KnownBatches; readonly runs: RemoteRuns }) {
    this.#deps = deps;
    this.#batches = parts.batches;
    this.#runs = parts.runs;
  }

  async of({ held }: Orders): Promise<readonly Holding[]> {
    const holdings: Holding[] = [];
    for (const { item, token, control } of held) {
      const { batch: number, ordinal } = splitItemNumber(item);
      const batch = this.#batches.get(number) ?? (await this.#batches.read(number));
      if (batch !== null) holdings.push({ id: itemIdFrom(batch.id, ordinal), item, token, control });
    }
    return holdings;
  }

  /**
   * Gives back what the store says is held and the worker does not name; returns what is left. Started: what began at `until` or before.
   * Not started: what has been seen so for `unstartedMs`, for its claim may be under way at another server, and its answer then names it.
   */
  async giveBackUnnamed(
    session: SessionRow,
    named: readonly HeldLease[],
    { until, unstartedMs }: { readonly until: number; readonly unstartedMs: number },
  ): Promise<readonly Holding[]> {
    const { store } = this.#deps;
    const holdings = await this.of(await store.orders(session.number, null));
    const names = new Set(named.map(({ itemId, token }) => `${itemId} ${token}`));
    const unnamed: Holding[] = [];
    for (const held of holdings) {
      if (names.has(`${held.id} ${held.token}`)) continue;
      const startedAt = (await store.item({ number: held.item }))?.item.startedAt ?? null;
      const isOver = startedAt === null ? this.#unstartedFor(held) >= unstartedMs : startedAt <= until;
      if (isOver) unnamed.push(held);
    }
    await this.release(session.number, unnamed);
    return holdings.filter((held) => !unnamed.includes(held));
  }

  /** Milliseconds since this server first saw a lease that no claim has started. */
  #unstartedFor({ item, token }: Holding): number {
    const name = `${item} ${token}`;
    const now = this.#deps.clock.monotonic();
    const since = this.#unstartedSince.get(name) ?? now;
    this.#unstartedSince.delete(name);
    this.#unstartedSince.set(name, since);
    const [oldest] = this.#unstartedSince.keys();
    if (this.#unstartedSince.size > KNOWN_MAX && oldest !== undefined) this.#unstartedSince.delete(oldest);
    return now - since;
  }

  /** Gives leases back to pending. */
  async release(worker: number, leases: readonly { readonly item: number; readonly token: number }[]): Promise<void> {
    if (leases.length === 0) return;
    const reports = leases.map(({ item, token }) => {
      this.#runs.forget(item, token);
      return { type: "release" as const, item, lease: { token, worker }, startedAt: null };
    });
    await this.#deps.store.record(reports, this.#deps.clock.now());
  }
}
