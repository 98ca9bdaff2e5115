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

/** What workers hold by the store, beside what they name. */
export class Holdings {
  readonly #deps: Deps;
  readonly #batches: KnownBatches;
  readonly #runs: RemoteRuns;

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
   * Gives back what the store says is held, the worker does not name, and began at `until` or before; returns what is left.
   * What was never started is always given back: its claim has failed, or starts nothing after this. Where another server starts it at
   * that very moment, the worker begins it under a lease that it has lost, and is told so.
   */
  async giveBackUnnamed(session: SessionRow, named: readonly HeldLease[], until: number): Promise<readonly Holding[]> {
    const { store } = this.#deps;
    const holdings = await this.of(await store.orders(session.number, null));
    const names = new Set(named.map(({ itemId, token }) => `${itemId} ${token}`));
    const unnamed: Holding[] = [];
    for (const held of holdings) {
      if (names.has(`${held.id} ${held.token}`)) continue;
      const startedAt = (await store.item({ number: held.item }))?.item.startedAt ?? null;
      if (startedAt === null || startedAt <= until) unnamed.push(held);
    }
    await this.release(session.number, unnamed);
    return holdings.filter((held) => !unnamed.includes(held));
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
