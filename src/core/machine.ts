import { type FencedCommand, type ItemCommand, type ItemState, toState } from "./transitions.ts";

/** Why a command was refused. A refusal changes nothing. */
export type Refusal = "not-found" | "lease-lost" | "wrong-state" | "running" | "conflict";

export type Decision = { readonly ok: true; readonly to: ItemState } | { readonly ok: false; readonly reason: Refusal };

/** What the machine needs to know of an item. `worker` is the number of the session that holds it, 0 for none. */
export interface ItemFacts {
  readonly state: ItemState;
  readonly token: number;
  readonly worker: number;
}

/** The lease under which a command is given; null for a caller who tracks work of its own and holds none. */
export interface LeaseClaim {
  readonly token: number;
  readonly worker: number;
}

/** Decides an operator's or the reaper's command, which needs no lease. */
export function decide(command: Exclude<ItemCommand, FencedCommand>, item: ItemFacts): Decision {
  const to = toState(command, item.state);
  return to === undefined ? { ok: false, reason: "wrong-state" } : { ok: true, to };
}

/**
 * Decides a command of a lease holder. The token and the holder are looked at first: a late report learns that its
 * lease is lost, whatever the item has become since.
 *
 * Without a lease (`lease` null) an end is accepted only while nobody holds the item.
 */
export function decideFenced(command: FencedCommand, item: ItemFacts, lease: LeaseClaim | null): Decision {
  const isHolder = lease === null ? item.worker === 0 : item.worker === lease.worker && item.token === lease.token;
  if (!isHolder) return { ok: false, reason: "lease-lost" };
  const to = toState(command, item.state);
  if (to !== undefined) return { ok: true, to };
  return { ok: false, reason: lease === null ? "wrong-state" : "lease-lost" };
}
