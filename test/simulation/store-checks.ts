import type { ItemRow } from "../../src/core/item.ts";
import type { Amended } from "../../src/ports/amendment.ts";
import type {
  Claimed,
  ClaimRequest,
  ControlCommand,
  ControlResult,
  Report,
  ReportResult,
  Retention,
  SessionRow,
} from "../../src/ports/store.ts";
import { BatchFollower } from "./batch-follower.ts";
import { disorderOf, type Supply } from "./claim-order.ts";
import { CommandChecks } from "./command-checks.ts";
import { itemText } from "./describe-call.ts";
import type { StoreCall } from "./faulty-store.ts";
import { holders } from "./holders.ts";
import { fallenOutOf } from "./retention.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** Calls after which somebody may have work to do. */
const HINTED: readonly StoreCall[] = ["submit", "record", "amend", "control", "openSession", "closeSession", "reap"];
/** Calls that only read. */
const READS: readonly StoreCall[] = [
  "queues",
  "sessions",
  "batches",
  "batch",
  "session",
  "items",
  "item",
  "changes",
  "breakdown",
  "evidence",
];
/** All is recounted after every so many changes, and at the end. */
const RECOUNT_EVERY = 200;

/**
 * Carries out the calls on the one store and judges each by what it found before and left after: leases, fences, sessions,
 * pauses and limits here; states, counts and versions in the follower of the batches' feeds.
 */
export class StoreChecks {
  readonly follower: BatchFollower;
  readonly #world: World;
  readonly #commands: CommandChecks;
  /** The highest token that was ever given out for an item. */
  readonly #tokens = new Map<number, number>();
  #changes = 0;
  #deletionsBegun = 0;
  #submissions = 0;

  constructor(world: World) {
    this.#world = world;
    this.follower = new BatchFollower(world);
    this.#commands = new CommandChecks(world);
  }

  /** Whether the session was told to claim nothing more. */
  isDraining(session: number): boolean {
    return this.#commands.isDraining(session);
  }

  async carryOut(process: SimulatedProcess, method: StoreCall, args: readonly unknown[]): Promise<unknown> {
    if (method !== "submit") return this.#carryOut(process, method, args);
    this.#submissions += 1;
    return this.#carryOut(process, method, args).finally(() => {
      this.#submissions -= 1;
    });
  }

  async #carryOut(process: SimulatedProcess, method: StoreCall, args: readonly unknown[]): Promise<unknown> {
    const { store } = this.#world;
    const call = (): Promise<unknown> => (store[method] as (...given: readonly unknown[]) => Promise<unknown>)(...args);
    if (READS.includes(method) || method === "orders" || method === "beat") return call();
    if (method === "claim" && !this.follower.hasPending) return this.#claimOfNothing(call);
    const isDeletion = method === "prune" || (method === "control" && (args[0] as ControlCommand).type === "remove");
    if (isDeletion) {
      this.follower.deletions += 1;
      this.#deletionsBegun += 1;
    }
    const result = await this.#judged(process, method, args, call);
    const what = method === "control" ? (`control ${(args[0] as ControlCommand).type}` as const) : method;
    // A deletion may be the first to look at what a submission did between two of its commits.
    await this.follower.look(isDeletion && this.#submissions > 0 ? "submit" : what);
    if (isDeletion) {
      this.follower.deletions -= 1;
      await this.#checkNothingHeldIsGone();
    }
    this.#changes += 1;
    if (this.#changes % RECOUNT_EVERY === 0) await this.follower.recount();
    if (HINTED.includes(method)) for (const listener of this.#world.listeners) listener();
    return result;
  }

  /** What was committed is there after a restart, and nothing else. */
  async restart(reopen: () => Promise<void>): Promise<void> {
    const before = await this.#standing();
    await reopen();
    const after = await this.#standing();
    if (before !== after) this.#break("a restart changes nothing that was committed", `${before}, then ${after}`);
    await this.follower.look("restart");
    await this.follower.recount();
  }

  /** What the feeds do not tell. */
  async #standing(): Promise<string> {
    const { store } = this.#world;
    const sessions = (await store.sessions()).map(({ silentMs: _silentMs, ...rest }) => rest);
    return JSON.stringify({ sessions, held: [...(await holders(this.#world))], queues: await store.queues() });
  }

  async #judged(
    process: SimulatedProcess,
    method: StoreCall,
    args: readonly unknown[],
    call: () => Promise<unknown>,
  ): Promise<unknown> {
    switch (method) {
      case "claim":
        return this.#claim(args[0] as ClaimRequest, call as () => Promise<Claimed>);
      case "record":
        return this.#record(args[0] as readonly Report[], call as () => Promise<readonly ReportResult[]>);
      case "amend": {
        const amended = (await call()) as Amended;
        if (amended.ok) this.#world.ledger.takenOver(amended.item);
        return amended;
      }
      case "reap":
        return this.#reap(process, call as () => Promise<number>);
      case "control": {
        const command = args[0] as ControlCommand;
        const result = await this.#commands.judge(command, call as () => Promise<ControlResult>);
        this.#world.ledger.commanded(command);
        return result;
      }
      case "prune": {
        const [retention, now] = args as [Retention, number];
        const fallen = fallenOutOf(retention, this.follower.batches(), now);
        const [others, begun] = [this.follower.deletions - 1, this.#deletionsBegun];
        const pruned = (await call()) as readonly string[];
        // What another one deleted meanwhile is not missed.
        const isAlone = others === 0 && this.#deletionsBegun === begun;
        const isMissed = isAlone && pruned.length < Math.min(fallen.size, retention.limit);
        if (isMissed || pruned.some((id) => !fallen.has(id)))
          this.#break("what fell out of its retention is pruned, and nothing else", `${pruned} of ${[...fallen]}`);
        return pruned;
      }
      default:
        return call();
    }
  }

  /** Most claims: there is nothing to look at before or after. */
  async #claimOfNothing(call: () => Promise<unknown>): Promise<unknown> {
    const claimed = (await call()) as Claimed;
    const [lease] = claimed.leases;
    if (lease !== undefined) this.#break("a claim brings what is pending", itemText(lease.item));
    return claimed;
  }

  async #claim(request: ClaimRequest, call: () => Promise<Claimed>): Promise<Claimed> {
    const { store } = this.#world;
    const before = await holders(this.#world);
    const queues = await store.queues();
    const paused = new Set(
      queues.filter(({ state }) => state === "paused" || state === "stopped").map(({ name }) => name),
    );
    const isOpen = (await store.session(request.worker)) !== null;
    const isDraining = this.#commands.isDraining(request.worker);
    const claimed = await call();
    if (claimed.leases.length > request.limit)
      this.#break("claims are at most what was asked for", `${claimed.leases.length} for a limit of ${request.limit}`);
    if (isDraining && claimed.leases.length > 0)
      this.#break("a session that drains claims nothing", `session ${request.worker}: ${claimed.leases.length} items`);
    for (const { item, token, worker, batch: number } of claimed.leases) {
      const held = before.get(item);
      const name = itemText(item);
      if (held !== undefined)
        this.#break(
          "an item is never under two live leases",
          `${name} of session ${held.worker} was given to ${worker}`,
        );
      if (worker !== request.worker || !isOpen)
        this.#break("a lease belongs to a session that lives", `${name} was given to session ${worker}`);
      const highest = this.#tokens.get(item) ?? 0;
      if (token <= highest) this.#break("tokens strictly grow", `${name} was given under ${token} after ${highest}`);
      this.#tokens.set(item, Math.max(token, highest));
      const batch = this.follower.batch(number);
      if (batch === undefined) continue;
      if (batch.control !== "run" || batch.isCancelled || paused.has(batch.queue))
        this.#break("nothing of a paused queue or batch is claimed", `${name}, batch ${batch.control}`);
      if (batch.startAt !== null && batch.startAt > request.now)
        this.#break("nothing starts before its time", `${name} was claimed at ${request.now}, due at ${batch.startAt}`);
      if (this.follower.item(item)?.isHeld) this.#break("a held item is not claimed", name);
    }
    await this.#checkQueueLimits(claimed);
    if (isOpen && !isDraining) this.#checkOrder(request, claimed, { held: before, queues });
    return claimed;
  }

  #checkOrder(request: ClaimRequest, { leases }: Claimed, was: Pick<Supply, "held" | "queues">): void {
    // Of a batch that is being removed nothing is claimed any more, and the follower cannot see which one it is.
    if (this.follower.deletions > 0) return;
    const batches = this.follower.batches();
    const itemsOf = (batch: number): readonly ItemRow[] => this.follower.items(batch);
    const disorder = disorderOf(request, leases, { ...was, batches, itemsOf });
    if (disorder !== null) this.#break(disorder.invariant, disorder.detail);
  }

  /** A limit may have been lowered under what is held; but nothing may be added above it. */
  async #checkQueueLimits(claimed: Claimed): Promise<void> {
    if (claimed.leases.length === 0) return;
    const { store } = this.#world;
    const held = new Map<string, number>();
    for (const item of (await holders(this.#world)).keys()) {
      const queue = this.follower.batchOf(item)?.queue;
      if (queue !== undefined) held.set(queue, (held.get(queue) ?? 0) + 1);
    }
    const claimedFrom = new Set(claimed.leases.map(({ item }) => this.follower.batchOf(item)?.queue));
    for (const { name, concurrency } of await store.queues()) {
      if (concurrency !== null && claimedFrom.has(name) && (held.get(name) ?? 0) > concurrency)
        this.#break("the concurrency of a queue is never exceeded", `${held.get(name)} of ${concurrency} in ${name}`);
    }
  }

  async #checkNothingHeldIsGone(): Promise<void> {
    for (const [item, { worker }] of await holders(this.#world)) {
      if (this.follower.item(item) === undefined)
        this.#break("nobody holds what was removed", `${itemText(item)} by session ${worker}`);
    }
  }

  async #record(
    reports: readonly Report[],
    call: () => Promise<readonly ReportResult[]>,
  ): Promise<readonly ReportResult[]> {
    const { ledger } = this.#world;
    const held = await holders(this.#world);
    const before = await this.#rows(reports);
    const results = await call();
    const accepted = new Set<number>();
    for (const [index, report] of reports.entries()) {
      const { item, lease, type } = report;
      if (!results[index]?.ok) continue;
      accepted.add(item);
      const holder = held.get(item);
      const isHolder = lease !== null && holder?.token === lease.token && holder.worker === lease.worker;
      const isUnheldEnd = lease === null && holder === undefined && (type === "complete" || type === "fail");
      if (!isHolder && !isUnheldEnd) {
        const found = holder === undefined ? "nobody" : `session ${holder.worker} under ${holder.token}`;
        this.#break(
          "a late report is refused",
          `${type} of ${itemText(item)} by ${lease?.worker} under ${lease?.token}; held by ${found}`,
        );
      }
      if (type === "complete" || type === "fail" || type === "release") held.delete(item);
      const id = before.get(item)?.id;
      if (id !== undefined && lease !== null) ledger.recorded({ id, token: lease.token, report });
    }
    const after = await this.#rows(reports.filter(({ item }) => !accepted.has(item)));
    for (const [item, row] of after) {
      if (JSON.stringify(row) !== JSON.stringify(before.get(item)))
        this.#break("a refused report changes nothing", `${itemText(item)} changed`);
    }
    return results;
  }

  async #reap(process: SimulatedProcess, call: () => Promise<number>): Promise<number> {
    const { store } = this.#world;
    const before = await store.sessions();
    const reaped = await call();
    const left = new Set((await store.sessions()).map(({ number }) => number));
    for (const session of before) {
      if (left.has(session.number) || session.silentMs > session.leaseMs || this.#isDead(process, session)) continue;
      this.#break("a session that lives is not reaped", `session ${session.number}, silent for ${session.silentMs} ms`);
    }
    return reaped;
  }

  /** Seen to be gone, or from before a restart, of which every process knows. */
  #isDead(by: SimulatedProcess, session: SessionRow): boolean {
    // A worker outside is told by its name.
    const owner = this.#world.processes.find(
      ({ host, name }) => host.self.pid === session.pid || name === session.name,
    );
    return by.host.isDead(session) || (owner !== undefined && owner.restarts < this.#world.restarts);
  }

  async #rows(reports: readonly Report[]): Promise<ReadonlyMap<number, ItemRow>> {
    const rows = new Map<number, ItemRow>();
    for (const { item } of reports) {
      const detail = rows.has(item) ? null : await this.#world.store.item({ number: item });
      if (detail !== null) rows.set(item, detail.item);
    }
    return rows;
  }

  #break(invariant: string, detail: string): void {
    this.#world.break(invariant, detail);
  }
}
