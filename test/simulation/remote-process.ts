import { MilepostError } from "../../src/core/errors.ts";
import { LIMITS } from "../../src/core/limits.ts";
import type { RemoteLease } from "../../src/engine/remote/remote-claims.ts";
import type { RemoteReport, RemoteResult } from "../../src/engine/remote/remote-reports.ts";
import type { RemoteOrder, RemoteWorkers } from "../../src/engine/remote/remote-workers.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { STUCK } from "./handlers.ts";
import type { Run } from "./run-ledger.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** After this time nobody waits for a server's answer any more: it may be dead. */
const ANSWER_MS = 3_000;
/** So often is a report made again whose answer was lost. */
const TELL_TIMES = 4;

/** An item that this worker runs. */
interface Held {
  readonly lease: RemoteLease;
  readonly run: Run;
  order: RemoteOrder;
}

/** What became of a call: its answer, a refusal, or nothing that is known. */
type Answer<T> = { readonly value: T } | { readonly refusal: string } | undefined;

/**
 * A worker in another language, beside a server that answers it: it claims, beats and reports by calls, any of which may go to
 * the server of another one. Its own server dies and freezes with it.
 */
export class RemoteProcess {
  readonly process: SimulatedProcess;
  readonly #random: SeededRandom;
  readonly #concurrency: number;
  readonly #leaseMs: number;
  readonly #peers: () => readonly RemoteProcess[];
  readonly #held = new Map<string, Held>();
  #id: string | null = null;
  #confirmed: number | null = null;
  #isClaiming = false;
  /** It was told to claim nothing more. */
  #isDraining = false;
  #isStopping = false;
  isStopped = false;

  constructor(world: World, random: SeededRandom, peers: () => readonly RemoteProcess[]) {
    this.process = new SimulatedProcess(world, { machine: "beta", isProvable: false });
    this.#random = random;
    this.#peers = peers;
    this.#concurrency = random.between(1, 4);
    this.#leaseMs = random.between(LIMITS.leaseMinMs, 3_000);
    void this.#live();
  }

  get isLive(): boolean {
    return !this.process.isDead && !this.#isStopping;
  }

  /** Leaves: gives back what it holds, and ends its session. */
  async stop(): Promise<void> {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { process } = this;
    process.world.note(`${process.name} stops`);
    for (const held of this.#held.values()) this.#drop(held);
    const id = this.#id;
    for (let time = 0; id !== null && time < TELL_TIMES; time++) {
      const answer = await this.#call("close", (workers) => workers.close(id));
      if (answer !== undefined) break;
    }
    await process.close();
    this.isStopped = true;
  }

  async #live(): Promise<void> {
    const { process } = this;
    let beatAt = 0;
    while (this.isLive) {
      await process.sleep(this.#random.fraction() * 100);
      if (!this.isLive) return;
      if (this.#isDraining && this.#held.size === 0 && !this.#isClaiming) return this.stop();
      if (this.#id === null) await this.#open();
      else if (process.clock.monotonic() >= beatAt) {
        beatAt = process.clock.monotonic() + this.#leaseMs / 4;
        // Beats and claims overtake each other.
        void this.#beat(this.#id);
      } else if (!this.#isClaiming && !this.#isDraining && this.#held.size < this.#concurrency)
        void this.#claim(this.#id);
    }
  }

  async #open(): Promise<void> {
    const options = { name: this.process.name, concurrency: this.#concurrency, leaseMs: this.#leaseMs };
    const answer = await this.#call("open", (workers) => workers.open(options));
    if (answer === undefined || !("value" in answer)) return;
    this.#id = answer.value.id;
    this.#confirmed = null;
  }

  async #claim(id: string): Promise<void> {
    this.#isClaiming = true;
    const limit = this.#random.between(1, this.#concurrency);
    const askedAt = this.process.clock.monotonic();
    let server = this.process;
    const answer = await this.#call("claim", (workers, at) => {
      server = at;
      return workers.claim(id, { limit, held: this.#named(), waitMs: this.#random.whole(500) });
    });
    this.#isClaiming = false;
    if (this.#isGone(id, answer) || answer === undefined || !("value" in answer)) return;
    // Its answer came too late for one who leaves, or came back under another session.
    if (!this.isLive || this.#id !== id) return;
    this.#isDraining ||= answer.value.isDraining;
    // Its machine slept over the answer: the items may be others' by now, and are given back if not.
    if (this.process.clock.monotonic() - askedAt >= this.#leaseMs) return;
    for (const lease of answer.value.leases) {
      const { itemId, token, key, saved } = lease;
      const run = this.process.world.ledger.start(
        this.process,
        { id: itemId, key, saved },
        server.leaseUnder(itemId, token),
      );
      // Claimed anew: what it did under a lease that it lost is over.
      const before = this.#held.get(itemId);
      if (before !== undefined) this.#drop(before);
      const held: Held = { lease, run, order: "go-on" };
      this.#held.set(itemId, held);
      void this.#work(held);
    }
    if (this.#held.size > this.#concurrency)
      this.process.world.break("a worker runs at most as many as it may", `${this.process.name}: ${this.#held.size}`);
  }

  async #beat(id: string): Promise<void> {
    const held = this.#named();
    const confirmed = this.#confirmed;
    const waitMs = this.#random.whole(300);
    const answer = await this.#call("beat", (workers) => workers.heartbeat(id, { held, confirmed, waitMs }));
    if (this.#isGone(id, answer) || answer === undefined || !("value" in answer) || this.#id !== id) return;
    for (const { itemId, token, order } of answer.value.orders) {
      const known = this.#held.get(itemId);
      if (known?.lease.token !== token) continue;
      known.order = order;
      if (order === "lost") this.#drop(known);
    }
    this.#confirmed = answer.value.revision;
    this.#isDraining ||= answer.value.isDraining;
  }

  /** Runs one item as its key says, in steps between which orders are heard. */
  async #work(held: Held): Promise<void> {
    const { process } = this;
    const { world } = process;
    const { lease, run } = held;
    const kind = lease.key.split("-", 1)[0];
    const random = world.random(`run ${lease.itemId} ${lease.token}`);
    if (kind === "killer") {
      const crashBudget = world.checks.follower.batch(run.batch)?.policy.crashBudget;
      if (crashBudget !== undefined) world.ledger.killerStarted(run, crashBudget);
      await process.sleep(random.fraction() * 60);
      process.crash();
      return;
    }
    for (let steps = kind === STUCK ? Number.POSITIVE_INFINITY : random.between(1, 5); steps > 0; steps--) {
      await process.sleep(random.fraction() * 200);
      while (this.#has(held) && held.order === "pause") await process.sleep(50);
      if (!this.#has(held)) return;
      if (held.order === "abort") return this.#end(held, { type: "release" });
      if (random.isTrue(0.4)) await this.#progress(held, random);
      if (!this.#has(held)) return;
    }
    const fails = kind === "hopeless" || (kind === "flaky" && random.isTrue(0.5));
    if (random.isTrue(0.1)) await this.#end(held, { type: "release" });
    else if (fails || kind === "refused")
      await this.#end(held, { type: "fail", error: { message: "it fails" }, isFinal: kind === "refused" });
    else await this.#end(held, { type: "complete", output: { by: process.name } });
  }

  async #progress(held: Held, random: SeededRandom): Promise<void> {
    const { ledger } = this.process.world;
    const sequence = random.isTrue(0.3) ? ledger.nextSave() : null;
    const result = await this.#tell(held, {
      type: "progress",
      done: random.between(0, 10),
      total: 10,
      ...(sequence !== null && { saved: { sequence } }),
    });
    if (result === "recorded" && sequence !== null) ledger.saved(held.run, sequence);
    if (result === "lease-lost" || result === "not-found") this.#drop(held);
  }

  async #end(held: Held, body: Ending): Promise<void> {
    const { world } = this.process;
    const { itemId, key } = held.lease;
    // It is over whatever the answer will be: what is not named in a beat is given back.
    world.ledger.end(held.run, body.type === "release" ? "threw" : "returned");
    const result = await this.#tell(held, body);
    if (this.#held.get(itemId) === held) this.#held.delete(itemId);
    const row = world.checks.follower.item(held.run.item);
    if (body.type !== "complete" || row === undefined || result === undefined) return;
    const isOwnEnd = row.state === "completed" && row.token === held.run.token;
    if (result === "recorded" && row.state !== "completed")
      world.break("what a caller is told is recorded", `${key} is ${row.state}, told to be completed`);
    if (result === "lease-lost" && isOwnEnd)
      world.break("what a caller has recorded is told", `${key} is completed under ${row.token}, told to be lost`);
  }

  /** Reports until it is known what became of it. */
  async #tell({ lease: { itemId, token } }: Held, body: Ending | Progress): Promise<RemoteResult | undefined> {
    for (let time = 0; time < TELL_TIMES && !this.process.isDead; time++) {
      const id = this.#id;
      if (id === null) return undefined;
      const report: RemoteReport = { itemId, token, ...body };
      const answer = await this.#call(body.type, (workers) => workers.report(id, [report]));
      if (answer !== undefined && "value" in answer) return answer.value[0];
    }
    return undefined;
  }

  #has(held: Held): boolean {
    return this.#held.get(held.lease.itemId) === held && !this.process.isDead;
  }

  #drop(held: Held): void {
    if (this.#held.get(held.lease.itemId) !== held) return;
    held.run.abortedMs ??= this.process.world.clock.monotonic();
    this.process.world.ledger.end(held.run, "threw");
    this.#held.delete(held.lease.itemId);
  }

  #named() {
    return Array.from(this.#held.values(), ({ lease: { itemId, token }, order }) => ({
      itemId,
      token,
      isHalted: order === "pause",
    }));
  }

  /** With its session all its leases are over; it opens another one. */
  #isGone(id: string, answer: Answer<unknown>): boolean {
    if (answer === undefined || !("refusal" in answer) || answer.refusal !== "NOT_FOUND") return false;
    if (this.#id !== id) return true;
    this.#id = null;
    for (const held of [...this.#held.values()]) this.#drop(held);
    return true;
  }

  /** Calls one of the servers, and waits for so long and no longer. */
  async #call<T>(
    what: string,
    call: (workers: RemoteWorkers, server: SimulatedProcess) => Promise<T>,
  ): Promise<Answer<T>> {
    const { world } = this.process;
    const servers = this.#peers().filter(({ isLive }) => isLive);
    const server = (this.#random.isTrue(0.7) ? this : (this.#random.pick(servers) ?? this)).process;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = this.process.clock.after(ANSWER_MS, () => resolve(undefined));
    const answered = (async (): Promise<Answer<T>> => {
      try {
        return { value: await call(server.milepost.remoteWorkers(), server) };
      } catch (error) {
        if (!(error instanceof MilepostError)) {
          world.break("the engine throws operating errors alone", `${what}: ${String(error)}`);
          return undefined;
        }
        world.note(`${this.process.name} ${what} by ${server.name}: ${error.code} ${error.message}`);
        return error.retryable || error.code === "CLOSED" ? undefined : { refusal: error.code };
      }
    })();
    try {
      const answer = await Promise.race([answered, late]);
      // It is heard by a process that runs.
      await this.process.sleep(0);
      return answer;
    } finally {
      timer.cancel();
    }
  }
}

type Ending = Unnamed<Extract<RemoteReport, { readonly type: "complete" | "fail" | "release" }>>;
type Progress = Unnamed<Extract<RemoteReport, { readonly type: "progress" }>>;
type Unnamed<T> = T extends unknown ? Omit<T, "itemId" | "token"> : never;
