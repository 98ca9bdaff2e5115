import { parentPort, workerData } from "node:worker_threads";
import type { Client } from "pg";
import type { PulseMessage } from "../pulse.ts";
import { loadPg } from "./load-pg.ts";

/** What the thread is started with. `beat` is the statement that renews the session `$1`. */
export interface PulseSetup {
  readonly url: string;
  readonly beat: string;
  readonly worker: number;
  readonly everyMs: number;
  /** By `process.hrtime`, which all threads share, in milliseconds: when the lease is over if no beat gets through. */
  readonly leaseEndsAt: number;
}

/*
 * Renews one session's lease, with a connection and a timer of its own, however busy the main thread is. A connection that
 * breaks is replaced with the next beat: the lease spans several.
 *
 * Where the database cannot be reached until the lease is over, the worker must stop: others may have its items by now. By
 * the clock of this machine the lease is over a little earlier than by the database's, for it counts from before the beat
 * was sent. A process that only stood still has not tried in vain, and asks first.
 */
async function run(setup: PulseSetup): Promise<void> {
  const pg = await loadPg();
  let client: Client | null = null;
  let isBeating = false;
  let isStopped = false;
  let hasFailed = false;
  let endsAt = 0;
  let deadline: NodeJS.Timeout | undefined;
  const tell = (message: PulseMessage): void => parentPort?.postMessage(message);

  const drop = (): void => {
    const dropped = client;
    client = null;
    dropped?.end().catch(() => {});
  };

  const connect = async (): Promise<Client> => {
    const timeoutMs = Math.max(1_000, setup.everyMs);
    const made = new pg.Client({
      connectionString: setup.url,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      keepAlive: true,
      application_name: "milepost pulse",
    });
    made.on("error", () => {
      if (client === made) client = null;
    });
    await made.connect();
    return made;
  };

  const stop = (): void => {
    isStopped = true;
    clearInterval(timer);
    clearTimeout(deadline);
    parentPort?.close();
    drop();
  };

  const lose = (): void => {
    tell("lost");
    stop();
  };

  const loseIfOver = (): void => {
    if (hasFailed && !isStopped && performance.now() >= endsAt) lose();
  };

  const watch = (until: number): void => {
    clearTimeout(deadline);
    endsAt = until;
    // A timer may fire a little early.
    deadline = setTimeout(loseIfOver, until - performance.now() + 1);
  };

  const renew = async (): Promise<void> => {
    if (isBeating) return;
    isBeating = true;
    try {
      client ??= await connect();
      const askedAt = performance.now();
      const { rows } = await client.query<{ lease_ms: number }>(setup.beat, [setup.worker]);
      const [row] = rows;
      hasFailed = false;
      if (isStopped) return;
      if (row === undefined) lose();
      else watch(askedAt + row.lease_ms);
    } catch {
      hasFailed = true;
      drop();
      loseIfOver();
    } finally {
      isBeating = false;
      // Told to stop while it connected: an open connection would keep the thread for ever.
      if (isStopped) drop();
    }
  };

  // One that is cut off before its first beat must stop too.
  watch(performance.now() + setup.leaseEndsAt - Number(process.hrtime.bigint()) / 1e6);
  const timer = setInterval(() => void renew(), setup.everyMs);
  parentPort?.on("message", stop);
  await renew();
  tell("beating");
}

await run(workerData as PulseSetup);
