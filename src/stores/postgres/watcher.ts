import type { Client } from "pg";
import type { Timer } from "../../ports/clock.ts";
import type { Connection } from "./connection.ts";
import { lockKeyOf } from "./names.ts";

/** How often whoever listens looks by itself: seldom where the server tells of commits, more often where it cannot. */
const TOLD_POLL_MS = 1_000;
const UNTOLD_POLL_MS = 200;
/** Others are told of commits so often at most: telling takes a lock that all commits which tell share. */
const TELL_EVERY_MS = 100;
/** How long the probe may take to come back; and how often a connection that is there is tried. */
const PROBE_MS = 2_000;
const PROBE_EVERY_MS = 15_000;
const RECONNECT_MS = 2_000;

type Listener = (mayHaveEnded: boolean) => void;

/**
 * Tells listeners of commits. Of this process at once (many in one turn are told once); of others by `LISTEN` on a connection of
 * its own. That is a hint, and may be lost: listeners are called now and then for nothing, and look at the tables, which are
 * the truth. Behind a PgBouncer in transaction mode nothing comes through: a probe finds out, and then they look more often.
 *
 * Others are told outside of the transaction, a few times a second at most: each `NOTIFY` takes a lock over all commits.
 */
export class Watcher {
  readonly #connection: Connection;
  readonly #listeners = new Map<symbol, Listener>();
  readonly #channel: string;
  /** Marks what this process has told itself. */
  readonly #self: string;
  #client: Client | null = null;
  /** While it is not, its connecting comes to an end by itself: `pg` forgets to answer if it is ended before. */
  #isConnected = false;
  #isTold = false;
  #connecting: Promise<void> | null = null;
  #poll: Timer | null = null;
  #probe: Timer | null = null;
  #tell: Timer | null = null;
  #reconnect: Timer | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;
  #isNotifying = false;
  #mayHaveEnded = false;
  #awaited = 0;
  #tellsEnd = false;
  #isClosed = false;
  #telling: Promise<unknown> = Promise.resolve();
  #ending: Promise<unknown> = Promise.resolve();
  readonly #notify: ReturnType<Connection["query"]>;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#self = connection.self;
    this.#channel = `milepost_${lockKeyOf(connection.location.schema, "commits").replace("-", "_")}`;
    this.#notify = connection.query("SELECT pg_notify($1, $2)");
    connection.onCommit = (mayHaveEnded) => {
      this.#hear(mayHaveEnded);
      this.#scheduleTell(mayHaveEnded);
    };
  }

  subscribe(listener: Listener): () => void {
    const id = Symbol();
    this.#listeners.set(id, listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      if (this.#listeners.delete(id) && this.#listeners.size === 0) this.#stop();
    };
  }

  /** How many commits that somebody may wait for were heard of; null while those of others are not heard of. */
  get awaited(): number | null {
    return this.#isTold ? this.#awaited : null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    // What was committed last is told before the connections are closed.
    if (this.#tell !== null) this.#tellNow();
    this.#stop();
    await Promise.all([this.#telling, this.#connecting]);
    await this.#ending;
  }

  #start(): void {
    this.#schedulePoll();
    this.#connecting ??= this.#listen().finally(() => {
      this.#connecting = null;
      // Whoever subscribed while the connection of those before was given up has none yet.
      if (this.#isWanted && this.#client === null && this.#reconnect === null) this.#start();
    });
  }

  #stop(): void {
    for (const timer of [this.#poll, this.#probe, this.#reconnect]) timer?.cancel();
    this.#poll = null;
    this.#probe = null;
    this.#reconnect = null;
    this.#drop();
  }

  #drop(): void {
    const client = this.#client;
    const isConnected = this.#isConnected;
    this.#client = null;
    this.#isConnected = false;
    this.#isTold = false;
    if (client === null) return;
    client.removeAllListeners("end");
    if (isConnected) this.#ending = client.end().catch(() => {});
  }

  get #isWanted(): boolean {
    return !this.#isClosed && this.#listeners.size > 0;
  }

  /** Connects, listens and probes. Whatever goes wrong, it is tried again later; until then listeners look by themselves. */
  async #listen(): Promise<void> {
    if (!this.#isWanted || this.#client !== null) return;
    const client = this.#connection.newClient("listener");
    this.#client = client;
    client.on("notification", ({ payload }) => this.#hearOf(payload ?? ""));
    client.once("end", () => this.#lose(client));
    try {
      await client.connect();
      if (this.#client !== client) {
        await client.end();
        return;
      }
      this.#isConnected = true;
      await client.query(`LISTEN ${this.#channel}`);
      await this.#probeNow(client);
    } catch {
      this.#lose(client);
    }
  }

  /** Sends a hint to itself. While it has not come back, nobody relies on hints; where it never does, the connection is dead. */
  async #probeNow(client: Client): Promise<void> {
    this.#isProbed = false;
    // Before it is sent: it comes back before its query is answered, and then the next one has time.
    this.#scheduleProbe(client, PROBE_MS);
    await client.query("SELECT pg_notify($1, $2)", [this.#channel, `probe ${this.#self}`]);
  }

  #isProbed = false;

  #scheduleProbe(client: Client, delayMs: number): void {
    this.#probe?.cancel();
    if (this.#client !== client || !this.#isWanted) return;
    const task = (): void => {
      if (this.#client !== client) return;
      if (!this.#isProbed) this.#lose(client);
      else this.#probeNow(client).catch(() => this.#lose(client));
    };
    this.#probe = this.#connection.clock.after(delayMs, task, { isIdle: true });
  }

  #lose(client: Client): void {
    if (this.#client !== client) return;
    this.#drop();
    this.#probe?.cancel();
    if (!this.#isWanted) return;
    this.#schedulePoll();
    this.#reconnect?.cancel();
    const again = (): void => {
      this.#reconnect = null;
      this.#start();
    };
    this.#reconnect = this.#connection.clock.after(RECONNECT_MS, again, { isIdle: true });
  }

  #hearOf(payload: string): void {
    if (payload === `probe ${this.#self}`) {
      this.#isProbed = true;
      const client = this.#client;
      if (client !== null) this.#scheduleProbe(client, PROBE_EVERY_MS);
      if (this.#isTold) return;
      this.#isTold = true;
      // Hints were lost until now.
      this.#hear(true);
      this.#schedulePoll();
      return;
    }
    const [kind, from] = payload.split(" ");
    if (kind !== "probe" && from !== this.#self) this.#hear(kind === "ended");
  }

  #schedulePoll(): void {
    this.#poll?.cancel();
    if (!this.#isWanted) return;
    const delayMs = this.#isTold ? TOLD_POLL_MS : UNTOLD_POLL_MS;
    const look = (): void => {
      this.#hear(true);
      this.#schedulePoll();
    };
    this.#poll = this.#connection.clock.after(delayMs, look, { isIdle: true });
  }

  #hear(mayHaveEnded: boolean): void {
    this.#mayHaveEnded ||= mayHaveEnded;
    if (mayHaveEnded) this.#awaited += 1;
    if (this.#isNotifying || this.#listeners.size === 0) return;
    this.#isNotifying = true;
    queueMicrotask(() => {
      const told = this.#mayHaveEnded;
      this.#isNotifying = false;
      this.#mayHaveEnded = false;
      for (const listener of [...this.#listeners.values()]) listener(told);
    });
  }

  /** The first commit after a quiet time is told at once, those that follow together. */
  #scheduleTell(mayHaveEnded: boolean): void {
    this.#tellsEnd ||= mayHaveEnded;
    if (this.#tell !== null || this.#isClosed) return;
    const delayMs = Math.max(0, this.#toldAt + TELL_EVERY_MS - this.#connection.clock.monotonic());
    if (delayMs === 0) this.#tellNow();
    else this.#tell = this.#connection.clock.after(delayMs, () => this.#tellNow(), { isIdle: true });
  }

  #tellNow(): void {
    this.#tell?.cancel();
    this.#tell = null;
    this.#toldAt = this.#connection.clock.monotonic();
    const payload = `${this.#tellsEnd ? "ended" : "changed"} ${this.#self}`;
    this.#tellsEnd = false;
    // Who misses it looks by himself.
    this.#telling = this.#connection.one(this.#notify, this.#channel, payload).catch(() => {});
  }
}
