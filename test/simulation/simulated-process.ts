import { Milepost } from "../../src/engine/milepost.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { Host, ProcessIdentity } from "../../src/ports/host.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Lease } from "../../src/ports/store.ts";
import { faultyStore } from "./faulty-store.ts";
import { wholeClock } from "./whole-clock.ts";
import type { World } from "./world.ts";

interface Due {
  readonly task: () => void;
  timer: Timer | null;
  isCancelled: boolean;
}

/**
 * A process with the real engine in it. It can die, after which none of its timers fires and no answer reaches it, and freeze
 * as under SIGSTOP: then all that falls due waits for its thaw.
 */
export class SimulatedProcess {
  readonly world: World;
  readonly name: string;
  readonly host: Host;
  readonly clock: Clock;
  readonly milepost: Milepost;
  /** Restarts of everything before this process began. */
  readonly restarts: number;
  /** The newest lease that this process was given for an item, by the item's id. */
  readonly leases = new Map<string, Lease>();
  readonly #granted = new Map<string, Lease>();
  /** The sessions that it was told of, the last one last. */
  readonly sessions: number[] = [];
  state: "running" | "frozen" | "dead" = "running";
  /** True once it was told to stop. */
  isStopping = false;
  readonly #due = new Set<Due>();
  #backlog: Due[] = [];

  constructor(world: World, options: { readonly machine: string; readonly isProvable: boolean }) {
    this.world = world;
    this.restarts = world.restarts;
    const pid = 100 + world.processes.length;
    this.name = `p${pid}`;
    const self: ProcessIdentity = { host: options.machine, pid, birth: `birth-${pid}` };
    // Only a process of the same machine can be seen to be gone; of others the lease alone tells.
    const isDead = (other: ProcessIdentity): boolean =>
      options.isProvable && other.host === self.host && world.processes.some((each) => each.#isGone(other));
    this.host = { self, isDead };
    this.clock = { ...wholeClock(world.clock), after: (delayMs, task) => this.#after(delayMs, task) };
    const random = world.random(`engine ${this.name}`);
    const store = faultyStore(this);
    const deps = { store, clock: this.clock, random, host: this.host, logger: SILENT };
    const chance = world.random(`retention ${this.name}`);
    this.milepost = new Milepost(deps, chance.isTrue(0.1) ? { retention: { keep: chance.between(2, 6) } } : {});
    world.processes.push(this);
  }

  get isDead(): boolean {
    return this.state === "dead";
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#due.size;
  }

  /** It was told of a lease. */
  grant(lease: Lease): void {
    this.leases.set(lease.id, lease);
    this.#granted.set(`${lease.id} ${lease.token}`, lease);
  }

  /** The lease under a token, also where it was given a newer one of the same item since. */
  leaseUnder(itemId: string, token: number): Lease | undefined {
    return this.#granted.get(`${itemId} ${token}`);
  }

  /** Dies on the spot, as by kill -9. */
  crash(): void {
    if (this.isDead) return;
    this.world.note(`${this.name} dies`);
    this.state = "dead";
    for (const due of this.#due) due.timer?.cancel();
    this.#due.clear();
    this.#backlog = [];
    this.world.ledger.died(this);
  }

  freeze(): void {
    if (this.state !== "running") return;
    this.world.note(`${this.name} freezes`);
    this.state = "frozen";
  }

  thaw(): void {
    if (this.state !== "frozen") return;
    this.world.note(`${this.name} thaws`);
    this.state = "running";
    for (const due of this.#backlog.splice(0)) {
      if (!due.isCancelled) due.timer = this.world.clock.after(0, () => this.#fire(due));
    }
  }

  /** Resolves when the time has passed for this process; never, if it dies before. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(delayMs, resolve));
  }

  /** Closes its engine, which it can whatever becomes of the store. */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    try {
      await this.milepost.close(options);
    } catch (error) {
      this.world.break("who closes is closed", `${this.name}: ${String(error)}`);
    }
  }

  #isGone(other: ProcessIdentity): boolean {
    const { self } = this.host;
    return this.isDead && self.host === other.host && self.pid === other.pid && self.birth === other.birth;
  }

  #after(delayMs: number, task: () => void): Timer {
    const due: Due = { task, timer: null, isCancelled: false };
    if (this.isDead) return { cancel: () => {} };
    this.#due.add(due);
    due.timer = this.world.clock.after(delayMs, () => this.#fire(due));
    return {
      cancel: () => {
        due.isCancelled = true;
        due.timer?.cancel();
        this.#due.delete(due);
      },
    };
  }

  #fire(due: Due): void {
    if (this.state === "frozen") {
      this.#backlog.push(due);
      return;
    }
    this.#due.delete(due);
    if (!this.isDead) due.task();
  }
}
