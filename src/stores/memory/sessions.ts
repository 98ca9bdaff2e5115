import { invariant } from "../../core/invariant.ts";
import type { ItemFacts } from "../../core/machine.ts";
import { decide } from "../../core/machine.ts";
import { CONTROLS, type Control } from "../../core/queue.ts";
import type { ProcessIdentity } from "../../ports/host.ts";
import type { Orders, SessionRow, SessionSpec } from "../../ports/store.ts";
import { Commit } from "./commit.ts";
import { crashItem, returnItem, returnUnstarted } from "./item-changes.ts";
import { isLapsed, type MemoryItem, type MemoryState, type MemoryWorker, notify } from "./memory-state.ts";

export function openSession(state: MemoryState, spec: SessionSpec): number {
  const number = state.nextWorker++;
  state.workers.set(number, {
    number,
    spec: structuredClone(spec),
    held: new Set(),
    beatAt: state.clock.monotonic(),
    confirmed: 0,
    isDraining: false,
  });
  notify(state);
  return number;
}

export function beat(state: MemoryState, number: number): boolean {
  const worker = state.workers.get(number);
  if (worker === undefined) return false;
  worker.beatAt = state.clock.monotonic();
  return true;
}

export function orders(state: MemoryState, number: number, confirmed: number | null): Orders {
  const worker = state.workers.get(number);
  if (worker === undefined) return { leftMs: 0, revision: state.revision, isDraining: false, held: [] };
  if (confirmed !== null && confirmed > worker.confirmed) {
    worker.confirmed = confirmed;
    notify(state);
  }
  const leftMs = Math.max(0, worker.beatAt + worker.spec.leaseMs - state.clock.monotonic());
  const { isDraining } = worker;
  if (confirmed === state.revision) return { leftMs, revision: state.revision, isDraining, held: [] };
  const held = Array.from(worker.held, (item) => ({ item: item.number, token: item.token, control: controlOf(item) }));
  return { leftMs, revision: state.revision, isDraining, held };
}

/** The stronger of what is ordered for the item's queue and for its batch. */
function controlOf({ batch }: MemoryItem): Control {
  const strength = Math.max(CONTROLS.indexOf(batch.control), CONTROLS.indexOf(batch.queue.control));
  return CONTROLS[strength] ?? "run";
}

export function closeSession(state: MemoryState, number: number, now: number): void {
  const worker = state.workers.get(number);
  if (worker === undefined) return;
  const commit = new Commit(state, now);
  for (const item of [...worker.held]) {
    assertExpires(item);
    if (item.state === "pending") returnUnstarted(commit, item, false);
    else returnItem(commit, item, { outcome: "released", error: null, endedAt: now });
  }
  state.workers.delete(number);
  commit.apply();
}

export function reap(state: MemoryState, now: number, isDead: (session: ProcessIdentity) => boolean): number {
  const commit = new Commit(state, now);
  let reaped = 0;
  for (const worker of [...state.workers.values()]) {
    if (!isLapsed(state, worker) && !isDead(worker.spec)) continue;
    for (const item of [...worker.held]) {
      assertExpires(item);
      if (item.state === "pending") returnUnstarted(commit, item, true);
      else crashItem(commit, item);
    }
    state.workers.delete(worker.number);
    reaped += 1;
  }
  if (reaped > 0) commit.apply();
  return reaped;
}

function assertExpires(item: ItemFacts): void {
  invariant(decide("expire", item).ok, `a ${item.state} item is held by a worker`);
}

export function sessions(state: MemoryState): readonly SessionRow[] {
  return Array.from(state.workers.values(), (worker) => toSessionRow(state, worker));
}

export function session(state: MemoryState, number: number): SessionRow | null {
  const worker = state.workers.get(number);
  return worker === undefined ? null : toSessionRow(state, worker);
}

function toSessionRow(state: MemoryState, worker: MemoryWorker): SessionRow {
  const { number, spec, held, beatAt, confirmed, isDraining } = worker;
  const { now: openedAt, ...given } = spec;
  return {
    ...given,
    // Copied by hand: everybody who waits for confirmations reads them all, again and again.
    queues: [...given.queues],
    pipelines: given.pipelines === null ? null : [...given.pipelines],
    number,
    openedAt,
    silentMs: state.clock.monotonic() - beatAt,
    confirmed,
    held: held.size,
    isDraining,
  };
}
