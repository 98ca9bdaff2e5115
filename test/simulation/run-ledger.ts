import { splitItemNumber } from "../../src/core/ids.ts";
import type { HandlerItem } from "../../src/engine/pipeline.ts";
import type { ControlCommand, Report } from "../../src/ports/store.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** One run of a handler. */
export interface Run {
  readonly process: SimulatedProcess;
  readonly id: string;
  /** Its item's number. */
  readonly item: number;
  readonly token: number;
  readonly batch: number;
  /** Its batch's, which may be removed before its worker hears of an order, or begins. */
  readonly queue: string | undefined;
  /** The session that holds its lease. */
  readonly session: number;
  readonly startedMs: number;
  /** When the handler was told to end, on the monotonic clock; null if it was not. */
  abortedMs: number | null;
  end: "returned" | "threw" | "died" | null;
}

/** What a pause was given to. */
export type Target = { readonly queue: string } | { readonly batch: number };

/** What an attempt says of itself that was told to end before its time. */
const STOPPED = "the work was stopped";

/** Every run of every handler, and what was promised about runs: no start under a used token, none after an acknowledged pause. */
export class RunLedger {
  readonly #world: World;
  readonly #runs = new Map<string, Run>();
  readonly #running = new Set<Run>();
  /** Acknowledged pauses, by target. */
  readonly #paused = new Set<string>();
  /** Sessions of which it was acknowledged that they start nothing more. */
  readonly #drained = new Set<number>();
  /** Targets that were ever stopped. */
  readonly #stopped = new Set<string>();
  /** When a target was last resumed, as a count of commands. */
  readonly #resumedAt = new Map<string, number>();
  #commands = 0;
  /** The last saved data that was acknowledged, by item. */
  readonly #saved = new Map<string, { readonly sequence: number; readonly token: number }>();
  #saves = 0;
  /** Runs of an item that kills its process, the token of the last one, and failures recorded, since it was submitted or retried. */
  readonly #killerRuns = new Map<string, { readonly runs: number; readonly token: number }>();
  /** The last token that an item had before it was retried or taken over. */
  readonly #tokensBefore = new Map<string, number>();
  readonly #failures = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  get runs(): number {
    return this.#runs.size;
  }

  /** Handlers that run and were not told to end. */
  get unaborted(): readonly Run[] {
    return [...this.#running].filter((run) => run.abortedMs === null);
  }

  /** @param lease that of the run; default: the last one that the process was given for the item */
  start(
    process: SimulatedProcess,
    item: Pick<HandlerItem, "id" | "key" | "saved">,
    lease = process.leases.get(item.id),
  ): Run {
    const world = this.#world;
    const run: Run = {
      process,
      id: ledgerId(lease?.batch ?? 0, item.id),
      item: lease?.item ?? 0,
      token: lease?.token ?? 0,
      batch: lease?.batch ?? 0,
      queue: world.checks.follower.queueOf(lease?.batch ?? 0),
      session: lease?.worker ?? 0,
      startedMs: world.clock.monotonic(),
      abortedMs: null,
      end: null,
    };
    const name = `${item.key} of batch ${run.batch} under ${run.token} in ${process.name}`;
    world.note(`${process.name} runs ${item.key} of batch ${run.batch} under ${run.token}`);
    if (lease === undefined) world.break("a handler runs only under a lease", name);
    const key = runKey(run.id, run.token);
    if (this.#runs.has(key)) world.break("a token is used for one run", name);
    this.#runs.set(key, run);
    this.#running.add(run);
    const given = savedSequence(item);
    const saved = this.#saved.get(run.id);
    // A worker may start under a lease that was taken from it a moment ago, and find out with its next orders.
    if (saved !== undefined && saved.token < run.token && given < saved.sequence)
      world.break(
        "nothing acknowledged is lost",
        `${name} was given what was saved ${given}th, not ${saved.sequence}th`,
      );
    return run;
  }

  /** A worker has started it. Callers who track are not waited for by a pause: what they run is theirs. */
  startedByWorker(run: Run): void {
    const name = `${run.id} under ${run.token} in ${run.process.name}`;
    if (run.process.isStopping) this.#world.break("a worker that stops starts nothing", name);
    if (this.#drained.has(run.session)) this.#world.break("nothing starts after a drain was acknowledged", name);
    if (!targetsOf(run).some((target) => this.#paused.has(target))) return;
    this.#world.break("nothing starts after a pause was acknowledged", name);
  }

  /** Its worker told it to end. What an operator did not stop runs on, also where its worker drains, until the worker must go. */
  aborted(run: Run, reason: unknown): void {
    run.abortedMs = this.#world.clock.monotonic();
    const isStop = reason instanceof DOMException && reason.message === STOPPED;
    if (!isStop || run.process.isStopping || targetsOf(run).some((target) => this.#stopped.has(target))) return;
    this.#world.break("what runs is stopped only at an order", `${run.id} under ${run.token} in ${run.process.name}`);
  }

  /** It was acknowledged that a session starts nothing more. */
  drained(session: number): void {
    this.#world.note(`the drain of session ${session} is acknowledged`);
    this.#drained.add(session);
  }

  end(run: Run, end: "returned" | "threw"): void {
    run.end ??= end;
    this.#running.delete(run);
  }

  died(process: SimulatedProcess): void {
    for (const run of this.#running) {
      if (run.process !== process) continue;
      run.end = "died";
      this.#running.delete(run);
    }
  }

  /** Handlers that occupy a worker's slots: those that run, but not those left behind after their grace. */
  occupying(process: SimulatedProcess, graceMs: number): number {
    const now = this.#world.clock.monotonic();
    let occupied = 0;
    for (const run of this.#running) {
      const isLeftBehind = run.abortedMs !== null && now >= run.abortedMs + graceMs;
      if (run.process === process && !isLeftBehind) occupied += 1;
    }
    return occupied;
  }

  /**
   * A run of an item that always kills its process. One may go uncounted: its start had not been recorded; and so may one under
   * a lease from before a retry, or before another took the item over, which its worker did not know to be over.
   */
  killerStarted({ id, token }: Run, crashBudget: number): void {
    if (token <= (this.#tokensBefore.get(id) ?? 0)) return;
    const runs = (this.#killerRuns.get(id)?.runs ?? 0) + 1;
    this.#killerRuns.set(id, { runs, token });
    if (runs > crashBudget + 1)
      this.#world.break("a poison item ends failed", `it ran ${runs} times with a crash budget of ${crashBudget}`);
  }

  /** Who reports on an item holds it: that its runner dies after that is nothing to the item. */
  takenOver(item: { readonly number: number; readonly id: string; readonly token: number }): void {
    const id = ledgerId(splitItemNumber(item.number).batch, item.id);
    this.#uncountKiller(id);
    this.#tokensBefore.set(id, item.token);
  }

  /** The last run is not counted, and was not if another took over from who had taken over. */
  #uncountKiller(id: string): void {
    const known = this.#killerRuns.get(id);
    if (known === undefined || known.token <= (this.#tokensBefore.get(id) ?? 0)) return;
    this.#killerRuns.set(id, { ...known, runs: known.runs - 1 });
  }

  /** What the next data that a handler saves is called. */
  nextSave(): number {
    this.#saves += 1;
    return this.#saves;
  }

  /** The engine has acknowledged what a handler saved. */
  saved(run: Run, sequence: number): void {
    const known = this.#saved.get(run.id);
    if (known === undefined || sequence > known.sequence) this.#saved.set(run.id, { sequence, token: run.token });
  }

  /** A report took effect. */
  recorded(facts: { readonly id: string; readonly token: number; readonly report: Report }): void {
    const { token, report } = facts;
    const id = ledgerId(splitItemNumber(report.item).batch, facts.id);
    const run = this.#runs.get(runKey(id, token));
    if (report.type === "complete" && run?.end !== "returned")
      this.#world.break("what is completed has a run that ended under its token", `${id} under ${token}: ${run?.end}`);
    // Given back, or failed by its time limit, by a call from before its process died, as one that a server hears late: then its death is not counted.
    const isOver = report.type === "release" || report.type === "fail";
    if (isOver && (run?.end === null || run?.end === "died")) this.#uncountKiller(id);
    if (report.type !== "fail") return;
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    const attempts = run === undefined ? null : this.#world.checks.follower.batch(run.batch)?.policy.attempts;
    if (typeof attempts === "number" && failures > attempts)
      this.#world.break("attempts are at most what the policy allows", `${id} failed ${failures} times of ${attempts}`);
  }

  /** An item was retried: its budgets begin anew. */
  retried(item: { readonly number: number; readonly id: string; readonly token: number }): void {
    const id = ledgerId(splitItemNumber(item.number).batch, item.id);
    this.#tokensBefore.set(id, item.token);
    this.#killerRuns.delete(id);
    this.#failures.delete(id);
  }

  /** A command took effect in the store. */
  commanded(command: ControlCommand): void {
    this.#commands += 1;
    if (command.type === "stop") this.#stopped.add(targetKey(command.target));
    if (command.type !== "resume") return;
    this.#paused.delete(targetKey(command.target));
    this.#resumedAt.set(targetKey(command.target), this.#commands);
  }

  /** Begins a pause; call what it returns when the pause is acknowledged. A resume in between takes the promise back. */
  pausing(target: Target): () => void {
    const key = targetKey(target);
    const begunAt = this.#commands;
    return () => {
      if ((this.#resumedAt.get(key) ?? -1) > begunAt) return;
      this.#world.note(`the pause of ${key} is acknowledged`);
      this.#paused.add(key);
    };
  }
}

/** By batch too: one that was removed and submitted again, as its first answer was lost, has the same ids. */
function ledgerId(batch: number, id: string): string {
  return `${batch} ${id}`;
}

function runKey(id: string, token: number): string {
  return `${id} ${token}`;
}

function targetsOf({ batch, queue }: Run): readonly string[] {
  return [`batch ${batch}`, `queue ${queue}`];
}

function targetKey(target: Target): string {
  return "queue" in target ? `queue ${target.queue}` : `batch ${target.batch}`;
}

function savedSequence({ saved }: Pick<HandlerItem, "saved">): number {
  return typeof saved === "object" && saved !== null && "sequence" in saved ? Number(saved.sequence) : 0;
}
