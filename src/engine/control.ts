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

/** A pause or a stop of a batch or a queue. */
export interface HaltCommand {
  readonly type: "pause" | "stop";
  readonly target: { readonly queue: string } | { readonly batch: number };
}

/** How far a pause or a stop has come. The order stands, whatever is outstanding. */
export interface Halted {
  /** 1, or 0 where it was so already. */
  readonly changed: number;
  /** Names of the live workers that have not confirmed yet that they start nothing more. */
  readonly unconfirmed: readonly string[];
  /** Items that a stop has not got back yet from the workers that run them; 0 for a pause: what runs finishes. */
  readonly processing: number;
}

/**
 * Carries out a command to its end, however many steps it takes. Pause and stop resolve when they are acknowledged: every
 * live worker has confirmed that it starts nothing more, or its lease lapsed; stop waits up to 10 s more for what ran to be given back.
 *
 * @returns how many items changed their state (1 for a queue or batch that was paused, 0: it was so already)
 * @throws {MilepostError} `NOT_FOUND`, or `CONFLICT` saying why it was refused or who did not confirm it in a minute
 */
export async function giveCommand(deps: Deps, command: ControlCommand, what: string): Promise<number> {
  const { changed, revision } = await carryOut(deps, command, what);
  if (command.type !== "pause" && command.type !== "stop") return changed;
  const late = await confirmed(deps, revision, CONFIRM_MAX_MS);
  if (late.length > 0) {
    throw new MilepostError(
      "CONFLICT",
      `the order stands, but ${late.join(", ")} has not confirmed it in ${CONFIRM_MAX_MS / 1_000} s; is its event loop blocked?`,
    );
  }
  if (command.type === "stop") await released(deps, command.target, STOP_MAX_MS);
  return changed;
}

/**
 * Pauses or stops like `giveCommand`, but waits at most `waitMs` for it to be acknowledged and says what is outstanding then.
 * The same again, once it stands, changes nothing and waits again.
 *
 * @throws {MilepostError} `NOT_FOUND` or `CONFLICT`
 */
export async function halt(options: {
  readonly deps: Deps;
  readonly command: HaltCommand;
  readonly what: string;
  readonly waitMs: number;
}): Promise<Halted> {
  const { deps, command } = options;
  const { changed, revision } = await carryOut(deps, command, options.what);
  const until = deps.clock.monotonic() + options.waitMs;
  const unconfirmed = await confirmed(deps, revision, options.waitMs);
  if (command.type === "pause") return { changed, unconfirmed, processing: 0 };
  return { changed, unconfirmed, processing: await released(deps, command.target, until - deps.clock.monotonic()) };
}

/** Every step of a command; also the revision that workers must confirm. */
export async function carryOut(
  deps: Deps,
  command: ControlCommand,
  what: string,
): Promise<{ readonly changed: number; readonly revision: number }> {
  let changed = 0;
  for (;;) {
    const result = await retryBusy(deps, () => deps.store.control(command, deps.clock.now()));
    if (!result.ok) throw refusalError(command.type, what, result.reason, result.state);
    changed += result.changed;
    if (!result.more) return { changed, revision: result.revision };
    await new Promise<void>((resolve) => deps.clock.after(0, resolve));
  }
}

/** Waits until every live worker has confirmed the revision, at most so long; the names of those that have not. */
async function confirmed(deps: Deps, revision: number, mostMs: number): Promise<readonly string[]> {
  const until = deps.clock.monotonic() + mostMs;
  for (;;) {
    // A session that lapsed is ended first: should its worker wake up, it has nothing left that it could start.
    await deps.store.reap(deps.clock.now(), (session) => deps.host.isDead(session));
    const sessions = await deps.store.sessions();
    const late = sessions.filter((session) => mustConfirm(session) && session.confirmed < revision);
    if (late.length === 0 || deps.clock.monotonic() > until) return late.map(({ name }) => name);
    await new Promise<void>((resolve) => deps.clock.after(CONFIRM_EVERY_MS, resolve));
  }
}

/** A tracker starts nothing; a worker outside has started all that it holds, and claims nothing that an order forbids. */
function mustConfirm(session: SessionRow): boolean {
  return session.concurrency > 0 && (session.held > 0 || !isRemote(session));
}

/**
 * Waits until nothing of the target runs any more under a worker, at most so long; how many items still do. Items of trackers
 * are their callers' to give back.
 */
async function released(
  deps: Deps,
  target: { readonly queue: string } | { readonly batch: number },
  mostMs: number,
): Promise<number> {
  const until = deps.clock.monotonic() + mostMs;
  for (;;) {
    const processing = await processingOf(deps, target);
    if (processing === 0) return 0;
    const sessions = await deps.store.sessions();
    if (!sessions.some((session) => session.concurrency > 0 && session.held > 0)) return 0;
    if (deps.clock.monotonic() >= until) return processing;
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
