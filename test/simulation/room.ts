import { isTerminal } from "../../src/core/transitions.ts";
import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { CaretakerProcess } from "./caretaker-process.ts";
import { itemText } from "./describe-call.ts";
import { DrainProcess } from "./drain-process.ts";
import { holders } from "./holders.ts";
import { Operator } from "./operator.ts";
import { RemoteProcess } from "./remote-process.ts";
import { ReporterProcess } from "./reporter-process.ts";
import type { Run } from "./run-ledger.ts";
import { TrackerProcess } from "./tracker-process.ts";
import { WorkerProcess } from "./worker-process.ts";
import type { World } from "./world.ts";

type Actor = WorkerProcess | TrackerProcess | DrainProcess | RemoteProcess | ReporterProcess | CaretakerProcess;

/** What may happen to processes and clocks, and its share among all. */
type Fault = readonly [share: number, strike: (room: Room) => void];

const HOUR_MS = 3_600_000;
/** Everything that is left must end within this time after the last fault: leases, back-offs, time limits and work. */
const CALM_MAX_MS = 180_000;
/** In calm a worker knows after this time that a lease or its session is lost: it beats every second. */
const NOTICED_MAX_MS = 4_000;
/** A stop waits for its handlers' grace and some seconds for the store. */
const STOP_MAX_MS = 20_000;
/** The longest time for which a handler goes on that ignores its abort. */
const LEFT_BEHIND_MAX_MS = 5_000;
/** Workers for every queue that a supervisor keeps alive when faults are over. */
const WORKERS_KEPT = 2;

/** One history: a time of faults and commands, a time of calm in which all must end, and the last look. */
export class Room {
  readonly world: World;
  readonly random: SeededRandom;
  readonly workers: WorkerProcess[] = [];
  readonly trackers: TrackerProcess[] = [];
  readonly drains: DrainProcess[] = [];
  readonly remotes: RemoteProcess[] = [];
  readonly reporters: ReporterProcess[] = [];
  readonly caretakers: CaretakerProcess[] = [];
  readonly operators: Operator[] = [];
  /** Since when a handler runs without a lease, or a worker works without a session. */
  readonly #wrongSince = new Map<Run | WorkerProcess, number>();
  /** Sessions that drain and have not left, when they were last looked at; null before. */
  #draining: readonly number[] | null = null;
  #wallMs = 0;
  #wallHighestMs = 0;
  #isClosing = false;

  constructor(world: World) {
    this.world = world;
    this.random = world.random("room");
  }

  async live(): Promise<void> {
    const { world, random } = this;
    for (let count = random.between(1, 2); count > 0; count--) this.operators.push(new Operator(world));
    for (let count = random.between(1, 4); count > 0; count--) this.addWorker();
    for (let count = random.between(0, 2); count > 0; count--) this.addTracker();
    this.addRemotes(world.random("remotes"));
    this.addReporters(world.random("amend reports"));
    this.addCaretaker(world.random("care"));
    const faultsMs = random.between(3_000, 10_000);
    this.#repeat(random.between(40, 300), () => void this.anyOperator()?.operate());
    this.#repeat(random.between(150, 1_500), () => this.#strike());
    await world.advance(faultsMs);
    await this.#calm();
    await this.#close();
    if (world.violation === null) await this.#lastLook();
  }

  addWorker(isForAll = false): void {
    const random = this.world.random(`worker ${this.world.processes.length}`);
    this.workers.push(new WorkerProcess(this.world, random, isForAll));
  }

  /** All who must be able to leave. */
  get #leavers(): readonly (Actor | Operator)[] {
    return [...this.#actors, ...this.operators];
  }

  get #actors(): readonly Actor[] {
    return [...this.workers, ...this.trackers, ...this.drains, ...this.remotes, ...this.reporters, ...this.caretakers];
  }

  get #liveOperators(): readonly Operator[] {
    return this.operators.filter(({ process }) => !process.isDead);
  }

  /** All processes die and the store is opened anew; then others come, and readers go on where they were. */
  async restart(): Promise<void> {
    const { world, random } = this;
    if (world.checks.follower.deletions > 0) return;
    const readers = this.#liveOperators.flatMap((operator) => operator.readers);
    await world.restart(random.isTrue(0.5));
    const operator = new Operator(world);
    operator.resume(readers);
    this.operators.push(operator);
    for (let count = random.between(1, 3); count > 0; count--) this.addWorker();
    if (random.isTrue(0.3)) this.addTracker();
    this.addRemotes(world.random(`remotes ${world.restarts}`));
    this.addReporters(world.random(`amend reports ${world.restarts}`));
    this.addCaretaker(world.random(`care ${world.restarts}`));
  }

  /** Somebody who drains workers and clears what waits, in some histories. */
  addCaretaker(random: SeededRandom): void {
    if (random.isTrue(0.3)) this.caretakers.push(new CaretakerProcess(this.world, random));
  }

  /** Callers that take items over with their reports, in some histories. */
  addReporters(random: SeededRandom): void {
    if (!random.isTrue(0.2)) return;
    for (let count = random.between(1, 2); count > 0; count--) {
      const own = this.world.random(`reporter ${this.world.processes.length}`);
      this.reporters.push(new ReporterProcess(this.world, own));
    }
  }

  /** Workers outside, in some histories. */
  addRemotes(random: SeededRandom): void {
    if (!random.isTrue(0.3)) return;
    for (let count = random.between(1, 3); count > 0; count--) {
      const own = this.world.random(`remote ${this.world.processes.length}`);
      this.remotes.push(new RemoteProcess(this.world, own, () => this.remotes));
    }
  }

  addTracker(): void {
    const random = this.world.random(`tracker ${this.world.processes.length}`);
    this.trackers.push(new TrackerProcess(this.world, random));
  }

  addDrain(): void {
    const random = this.world.random(`drain ${this.world.processes.length}`);
    this.drains.push(new DrainProcess(this.world, random));
  }

  /** As when a new version is rolled out: each worker is told to stop, and another one begins. */
  replaceWorkers(): void {
    for (const worker of this.workers.filter(({ isLive }) => isLive)) {
      void worker.stop(this.random.whole(1_000));
      this.addWorker();
    }
  }

  /** One of those who do anything but command. */
  anyActor(): Actor | undefined {
    return this.random.pick(this.#actors.filter(({ isLive }) => isLive));
  }

  anyOperator(): Operator | undefined {
    return this.random.pick(this.#liveOperators);
  }

  anyWorker(): WorkerProcess | undefined {
    return this.random.pick(this.workers.filter(({ isLive }) => isLive));
  }

  /** Moves the wall clock, never further than an hour from where it belongs. */
  jumpWall(byMs: number): void {
    if (Math.abs(this.#wallMs + byMs) > HOUR_MS) return;
    this.world.note(`the wall clock jumps by ${byMs} ms`);
    this.world.clock.jumpWall(byMs);
    this.#wallMs += byMs;
    this.#wallHighestMs = Math.max(this.#wallHighestMs, this.#wallMs);
  }

  /** Calls `task` at random times, `meanMs` apart, until faults are over. */
  #repeat(meanMs: number, task: () => void): void {
    this.world.clock.after(2 * meanMs * this.random.fraction(), () => {
      if (this.world.isCalm) return;
      task();
      this.#repeat(meanMs, task);
    });
  }

  #strike(): void {
    let left = this.random.fraction() * FAULTS.reduce((sum, [share]) => sum + share, 0);
    for (const [share, strike] of FAULTS) {
      left -= share;
      if (left >= 0) continue;
      strike(this);
      return;
    }
  }

  /** Faults are over: processes wake, calls arrive, nothing is paused. Every batch must end. */
  async #calm(): Promise<void> {
    const { world } = this;
    world.note("calm");
    world.isCalm = true;
    // What was scheduled while the wall clock ran ahead is due only when it is there again.
    world.clock.jumpWall(this.#wallHighestMs - this.#wallMs);
    for (const process of world.processes) process.thaw();
    const operator = new Operator(world);
    this.operators.push(operator);
    const tend = async (): Promise<void> => {
      if (this.#isClosing) return;
      while (this.workers.filter(({ isLive, isForAll }) => isLive && isForAll).length < WORKERS_KEPT)
        this.addWorker(true);
      await operator.release();
      await this.#checkLeases();
      operator.process.clock.after(700, () => void tend());
    };
    void tend();
    const areIdle = (): boolean => this.operators.every(({ isIdle }) => isIdle);
    const readers = (): boolean => this.operators.every(({ readers }) => readers.every(({ isCaughtUp }) => isCaughtUp));
    const haveLeft = (): boolean => this.caretakers.length === 0 || this.#draining?.length === 0;
    const isOver = (): boolean => world.checks.follower.isOver && areIdle() && readers() && haveLeft();
    if (await world.advance(CALM_MAX_MS, isOver)) return;
    const draining = this.#draining?.map((number) => `session ${number} has not left`).join();
    world.break(
      "after the last fault everything ends",
      (await this.#leftovers()) || draining || "a reader of changes did not catch up",
    );
  }

  /** A worker finds out by its next beats and orders that an item is not its own any more. */
  async #checkLeases(): Promise<void> {
    const { world } = this;
    const held = await holders(world);
    const now = world.clock.monotonic();
    const lasts = (of: Run | WorkerProcess, isWrong: boolean): boolean => {
      if (!isWrong) this.#wrongSince.delete(of);
      else if (!this.#wrongSince.has(of)) this.#wrongSince.set(of, now);
      return now - (this.#wrongSince.get(of) ?? now) > NOTICED_MAX_MS;
    };
    for (const run of world.ledger.unaborted) {
      const isTracked = this.trackers.some(({ process }) => process === run.process);
      if (lasts(run, !isTracked && held.get(run.item)?.token !== run.token))
        world.break("what runs without a lease is aborted", `${run.id} under ${run.token} in ${run.process.name}`);
    }
    const sessions = await world.store.sessions();
    this.#draining = sessions.filter(({ isDraining }) => isDraining).map(({ number }) => number);
    const pids = new Set(sessions.map(({ pid }) => pid));
    for (const worker of this.workers) {
      if (lasts(worker, worker.isWorking && !pids.has(worker.process.host.self.pid)))
        world.break("a worker that lives has a session", worker.process.name);
    }
  }

  /** What has not ended, and what may keep it. */
  async #leftovers(): Promise<string> {
    const { follower } = this.world.checks;
    const held = await holders(this.world);
    const left = follower.batches().filter(({ endedAt }) => endedAt === null);
    return left
      .flatMap(({ number }) => follower.items(number).filter(({ state }) => !isTerminal(state)))
      .map(({ number, key, state, isHeld, readyAt }) => {
        const holder = held.get(number);
        const by = holder === undefined ? "of nobody" : `of session ${holder.worker} under ${holder.token}`;
        return `${itemText(number)} ${key} ${state} ${by}${isHeld ? " on hold" : ""}${readyAt === null ? "" : ` until ${readyAt}`}`;
      })
      .join(", ");
  }

  async #close(): Promise<void> {
    const { world } = this;
    if (world.violation !== null) return;
    this.#isClosing = true;
    for (const worker of this.workers) void worker.stop(0);
    for (const leaver of this.#leavers) if (!(leaver instanceof WorkerProcess)) void leaver.stop();
    const isClosed = (): boolean => this.#leavers.every(({ isStopped, process }) => isStopped || process.isDead);
    if (!(await world.advance(STOP_MAX_MS, isClosed)))
      world.break("a worker that is told to stop stops", this.#unstopped());
    // Handlers that were left behind run out.
    await world.advance(LEFT_BEHIND_MAX_MS);
  }

  #unstopped(): string {
    return this.#leavers
      .flatMap(({ isStopped, process }) => (isStopped || process.isDead ? [] : [process.name]))
      .join(" ");
  }

  /** Nothing is wrong with what is left, nothing is lost, and nothing goes on in silence. */
  async #lastLook(): Promise<void> {
    const { world } = this;
    const { follower } = world.checks;
    await follower.look("the end");
    await follower.recount();
    await follower.checkAttempts();
    const findings = await world.store.verify({ repair: false });
    if (findings.length > 0) world.break("counters equal a recount", JSON.stringify(findings));
    for (const operator of this.operators) {
      for (const reader of operator.readers) reader.check();
    }
    for (const { promised } of [...this.operators, ...this.drains]) promised.check(world);
    await this.#checkGivenBack();
    const [run] = world.ledger.unaborted;
    if (run !== undefined)
      world.break("what runs without a lease is aborted", `${run.id} under ${run.token} in ${run.process.name}`);
    for (const { process } of this.#leavers) {
      if (process.timers > 0) world.break("a closed process leaves no timer", `${process.timers} in ${process.name}`);
    }
  }

  /** Those who stopped have given back what they held; of those who died after the end, nobody is left to tell. */
  async #checkGivenBack(): Promise<void> {
    const { world } = this;
    for (const { number, pid, held } of await world.store.sessions()) {
      const owner = world.processes.find(({ host }) => host.self.pid === pid);
      if (held > 0 && !owner?.isDead)
        world.break(
          "a worker that stops gives back what it holds",
          `${held} items of session ${number}, ${owner?.name}`,
        );
    }
  }
}

const FAULTS: readonly Fault[] = [
  [5, (room) => room.anyActor()?.process.crash()],
  [
    6,
    (room) => {
      const process = room.anyActor()?.process;
      process?.freeze();
      room.world.clock.after(room.random.between(100, room.random.isTrue(0.3) ? 1_000 : 6_000), () => process?.thaw());
    },
  ],
  [5, (room) => room.addWorker()],
  [3, (room) => void room.anyWorker()?.stop(room.random.whole(1_000))],
  [1, (room) => void room.random.pick(room.trackers)?.stop()],
  [1, (room) => room.addTracker()],
  [2, (room) => room.addDrain()],
  [1, (room) => room.replaceWorkers()],
  [1, (room) => void room.restart()],
  [3, (room) => room.jumpWall(room.random.pick([-HOUR_MS, HOUR_MS]) ?? 0)],
  [
    3,
    (room) => {
      const forMs = room.random.between(200, 4_000);
      room.world.note(`the store is out of reach for ${forMs} ms`);
      room.world.outageUntilMs = room.world.clock.monotonic() + forMs;
    },
  ],
  [
    1,
    (room) => {
      room.anyOperator()?.process.crash();
      room.operators.push(new Operator(room.world));
    },
  ],
];
