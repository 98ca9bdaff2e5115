import type { Clock, Timer } from "../../ports/clock.ts";

/** While calls wait and the server has answered none for so long, it is taken for unreachable. As long as a busy file is waited for. */
export const SILENT_MS = 15_500;

export interface TurnsOptions {
  readonly clock: Clock;
  /** How many calls of one kind, urgent or not, run at once. Of both together one more does: neither keeps out the other. */
  readonly most: number;
}

/** Why a call got no turn. */
export type NoTurn = "closed" | "silent";

/** Rejects a call that got no turn: nothing was sent for it. */
export class NoTurnError extends Error {
  readonly reason: NoTurn;

  constructor(reason: NoTurn) {
    super(`no connection became free: ${reason}`);
    this.reason = reason;
  }
}

interface Waiting {
  readonly since: number;
  readonly begin: () => void;
  readonly refuse: (error: NoTurnError) => void;
}

/** Urgent calls, or all others. */
interface Lane {
  running: number;
  /** In the order of asking; a set, for a queue of thousands. */
  readonly waiting: Set<Waiting>;
}

/**
 * Who may use a connection, in the order of asking; urgent calls before all others. To wait for one's turn takes as long as it takes while the server answers those before: many calls are no fault of it.
 */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #urgent: Lane = { running: 0, waiting: new Set() };
  readonly #others: Lane = { running: 0, waiting: new Set() };
  #isClosed = false;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when it is the caller's turn, which ends by calling what it resolves to. `isAnswered`: the server said something, be
   * it an error.
   *
   * @throws {NoTurnError}
   */
  async begin({ isUrgent }: { readonly isUrgent: boolean }): Promise<(isAnswered: boolean) => void> {
    if (this.#isClosed) throw new NoTurnError("closed");
    const lane = isUrgent ? this.#urgent : this.#others;
    // Nobody waits where there is room: whoever ends lets others begin at once.
    if (this.#hasRoom(lane)) lane.running += 1;
    else await this.#wait(lane);
    return (isAnswered) => this.#end(lane, isAnswered);
  }

  #wait(lane: Lane): Promise<void> {
    return new Promise((begin, refuse) => {
      lane.waiting.add({ since: this.#options.clock.monotonic(), begin, refuse });
      if (this.#timer === null) this.#watch();
    });
  }

  #end(ended: Lane, isAnswered: boolean): void {
    ended.running -= 1;
    if (isAnswered) this.#answeredAt = this.#options.clock.monotonic();
    for (const lane of [this.#urgent, this.#others]) {
      for (const next of lane.waiting) {
        if (!this.#hasRoom(lane)) break;
        lane.waiting.delete(next);
        lane.running += 1;
        next.begin();
      }
    }
    if (this.#first === undefined) this.#unwatch();
  }

  /** Refuses all who wait. */
  close(): void {
    this.#isClosed = true;
    this.#unwatch();
    this.#refuse("closed", () => true);
  }

  #hasRoom(lane: Lane): boolean {
    const { most } = this.#options;
    return lane.running < most && this.#urgent.running + this.#others.running <= most;
  }

  /** Who has waited longest. */
  get #first(): Waiting | undefined {
    const [urgent] = this.#urgent.waiting;
    const [other] = this.#others.waiting;
    return urgent === undefined || (other !== undefined && other.since < urgent.since) ? other : urgent;
  }

  #dueOf(waiting: Waiting): number {
    return Math.max(waiting.since, this.#answeredAt) + SILENT_MS;
  }

  #watch(): void {
    const first = this.#first;
    if (first === undefined) return;
    const { clock } = this.#options;
    const look = (): void => {
      this.#timer = null;
      const now = clock.monotonic();
      this.#refuse("silent", (waiting) => this.#dueOf(waiting) <= now);
      this.#watch();
    };
    this.#timer = clock.after(this.#dueOf(first) - clock.monotonic(), look);
  }

  #unwatch(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #refuse(reason: NoTurn, isDue: (waiting: Waiting) => boolean): void {
    for (const lane of [this.#urgent, this.#others]) {
      for (const waiting of lane.waiting) {
        if (!isDue(waiting)) continue;
        lane.waiting.delete(waiting);
        waiting.refuse(new NoTurnError(reason));
      }
    }
  }
}
