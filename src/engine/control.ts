import { MilepostError } from "../core/errors.ts";
import type { Refusal } from "../core/machine.ts";
import type { ControlCommand, SessionRow } from "../ports/store.ts";
import type { Deps } from "./deps.ts";
import { isRemote } from "./remote/remote-host.ts";
import { retryBusy } from "./retry-busy.ts";

/** How often the confirmations of other workers are looked at while somebody waits for them. */
const CONFIRM_EVERY_MS = 10;
/** A worker that lives and does not confirm is waited for at most this long. */
const CONFIRM_MAX_MS = 60_000;
/** A stop waits this long for aborted handlers to end; their workers give later ones back when their grace is over. */
const STOP_MAX_MS = 10_000;

/**
 * Carries out a command to its end, however many steps it takes. Pause and stop resolve when they are acknowledged: every
 * live worker has confirmed that it starts nothing more, or its lease lapsed; stop waits up to 10 s more for what ran to be given back.
 *
 * @returns how many items changed their state (1 for a queue or batch that was paused, 0: it was so already)
 * @throws {MilepostError} `NOT_FOUND`, or `CONFLICT` saying why it was refused or who did not confirm it in a minute
 */
export async function giveCommand(deps: Deps, command: ControlCommand, what: string): Promise<number> {
  let changed = 0;
  for (;;) {
    const result = await retryBusy(deps, () => deps.store.control(command, deps.clock.now()));
    if (!result.ok) throw refusalError(command.type, what, result.reason, result.state);
    changed += result.changed;
    if (result.more) {
      await new Promise<void>((resolve) => deps.clock.after(0, resolve));
      continue;
    }
    if (command.type === "pause" || command.type === "stop") await confirmed(deps, result.revision);
    if (command.type === "stop") await released(deps, command.target);
    return changed;
  }
}

async function confirmed(deps: Deps, revision: number): Promise<void> {
  const until = deps.clock.monotonic() + CONFIRM_MAX_MS;
  for (;;) {
    // A session that lapsed is ended first: should its worker wake up, it has nothing left that it could start.
    await deps.store.reap(deps.clock.now(), (session) => deps.host.isDead(session));
    const sessions = await deps.store.sessions();
    const late = sessions.filter((session) => mustConfirm(session) && session.confirmed < revision);
    if (late.length === 0) return;
    if (deps.clock.monotonic() > until) {
      const names = late.map(({ name }) => name).join(", ");
      throw new MilepostError(
        "CONFLICT",
        `the order stands, but ${names} has not confirmed it in ${CONFIRM_MAX_MS / 1_000} s; is its event loop blocked?`,
      );
    }
    await new Promise<void>((resolve) => deps.clock.after(CONFIRM_EVERY_MS, resolve));
  }
}

/** A tracker starts nothing; a worker outside has started all that it holds, and claims nothing that an order forbids. */
function mustConfirm(session: SessionRow): boolean {
  return session.concurrency > 0 && (session.held > 0 || !isRemote(session));
}

/** Waits until nothing of the target runs any more under a worker; items of trackers are their callers' to give back. */
async function released(deps: Deps, target: { readonly queue: string } | { readonly batch: number }): Promise<void> {
  const until = deps.clock.monotonic() + STOP_MAX_MS;
  while (deps.clock.monotonic() < until) {
    if ((await processingOf(deps, target)) === 0) return;
    const sessions = await deps.store.sessions();
    if (!sessions.some((session) => session.concurrency > 0 && session.held > 0)) return;
    await new Promise<void>((resolve) => deps.clock.after(CONFIRM_EVERY_MS, resolve));
  }
}

async function processingOf(
  deps: Deps,
  target: { readonly queue: string } | { readonly batch: number },
): Promise<number> {
  if ("batch" in target) return (await deps.store.batch({ number: target.batch }))?.counts.processing ?? 0;
  return (await deps.store.queues()).find(({ name }) => name === target.queue)?.processing ?? 0;
}

function refusalError(command: string, what: string, reason: Refusal, state: string | undefined): MilepostError {
  if (reason === "not-found") return notFound(what);
  const found = state === undefined ? "it has ended, or is of another kind" : `it is ${state}`;
  const advice = reason === "running" ? "; stop or cancel it first" : "";
  return new MilepostError(
    "CONFLICT",
    `cannot ${command} ${what}: ${reason === "running" ? "it is running" : found}${advice}`,
    {
      details: { reason, state },
    },
  );
}

export function notFound(what: string): MilepostError {
  return new MilepostError("NOT_FOUND", `${what} was not found`);
}
