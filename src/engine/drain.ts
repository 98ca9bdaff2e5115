import { MilepostError } from "../core/errors.ts";
import { carryOut } from "./control.ts";
import type { Deps } from "./deps.ts";
import { isRemote } from "./remote/remote-host.ts";
import { findWorker } from "./worker-list.ts";

/** How long draining a worker is waited for. */
export interface DrainOptions {
  /** Wait for the worker to have left, not only to have confirmed. Default false. */
  readonly untilLeft?: boolean;
  /** Default 60,000; with `untilLeft`, without end. */
  readonly waitMs?: number;
  /** Ends the waiting. The order stands. */
  readonly signal?: AbortSignal;
}

/** How far the draining of a worker has come. The order stands, whatever is outstanding. */
export interface Drained {
  /** 1, or 0 where it was told so already. */
  readonly changed: number;
  /** Whether the worker has acted on it: it starts nothing more. */
  readonly isConfirmed: boolean;
  /** Items that it still holds. */
  readonly held: number;
  /** Whether its session has ended. */
  readonly hasLeft: boolean;
}

const CONFIRM_EVERY_MS = 10;
const LEAVE_EVERY_MS = 100;
const CONFIRM_MAX_MS = 60_000;

/**
 * Tells a worker to claim nothing more and to leave once what it runs has ended, and waits for it to confirm, or to have
 * left. From the commit of the order on the store gives it nothing, whether it has heard of it or not. There is no way back.
 *
 * A worker that is silent for longer than its lease has left. Should its process wake up, it opens a new session, which the
 * order does not know of.
 *
 * @throws {MilepostError} `NOT_FOUND`; `CONFLICT` for a session that only tracks
 */
export async function drain(deps: Deps, id: string, options: DrainOptions = {}): Promise<Drained> {
  const { store, clock, host } = deps;
  const { untilLeft = false, waitMs = untilLeft ? Number.POSITIVE_INFINITY : CONFIRM_MAX_MS, signal } = options;
  const { number: worker, name, concurrency } = await findWorker(deps, id);
  if (concurrency === 0) {
    throw new MilepostError("CONFLICT", `${name} only tracks work that its caller runs; it is the caller who ends it`);
  }
  const { changed, revision } = await carryOut(deps, { type: "drain", target: { worker } }, `worker ${name}`);
  const until = clock.monotonic() + waitMs;
  for (;;) {
    // One that died or fell silent is ended first: it has nothing left that it could finish.
    await store.reap(clock.now(), (session) => host.isDead(session));
    const session = await store.session(worker);
    if (session === null) return { changed, isConfirmed: true, held: 0, hasLeft: true };
    // A worker outside starts what it claims with the claim, and the store refuses its claims.
    const isConfirmed = isRemote(session) || session.confirmed >= revision;
    const isOver = clock.monotonic() >= until || signal?.aborted === true;
    if ((isConfirmed && !untilLeft) || isOver) return { changed, isConfirmed, held: session.held, hasLeft: false };
    await new Promise<void>((resolve) => clock.after(isConfirmed ? LEAVE_EVERY_MS : CONFIRM_EVERY_MS, resolve));
  }
}
