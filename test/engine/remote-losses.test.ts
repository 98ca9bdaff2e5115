import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { MilepostError } from "../../src/core/errors.ts";
import { Milepost } from "../../src/engine/milepost.ts";
import type { RemoteLease } from "../../src/engine/remote/remote-claims.ts";
import type { RemoteWorkers } from "../../src/engine/remote/remote-workers.ts";
import { SILENT } from "../../src/ports/logger.ts";
import type { Store } from "../../src/ports/store.ts";
import { createMemoryStore } from "../../src/stores/memory/memory-store.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { ManualTime } from "../support/manual-time.ts";

const ITEMS = 12;
/** Far longer than it takes, and shorter than a lease that would free what was stranded. */
const END_MS = 100_000;
const LONG_LEASE_MS = 600_000;

/** A store that is not reached, or whose answer is lost, once in so many calls. */
function faulty(store: Store, random: SeededRandom, share: number): Store {
  const call =
    <Args extends readonly unknown[], T>(method: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const isFaulty = random.isTrue(share);
      if (isFaulty && random.isTrue(0.5)) throw new MilepostError("STORE_UNAVAILABLE", "it was not reached");
      const answer = await method(...args);
      if (isFaulty) throw new MilepostError("STORE_UNAVAILABLE", "its answer was lost");
      return answer;
    };
  const { claim, record, orders, beat, session, item } = store;
  return {
    ...store,
    claim: call(claim),
    record: call(record),
    orders: call(orders),
    beat: call(beat),
    session: call(session),
    item: call(item),
  };
}

/** A worker whose calls are now and then lost on the way there or back; it makes them again. */
class LossyWorker {
  readonly #workers: RemoteWorkers;
  readonly #random: SeededRandom;
  readonly #time: ManualTime;
  readonly #leaseMs: number;
  #held: RemoteLease[] = [];
  #id = "";

  constructor(parts: {
    readonly workers: RemoteWorkers;
    readonly random: SeededRandom;
    readonly time: ManualTime;
    readonly leaseMs: number;
  }) {
    this.#workers = parts.workers;
    this.#leaseMs = parts.leaseMs;
    this.#random = parts.random;
    this.#time = parts.time;
  }

  /** Works until nothing is left to do; `onRun` hears of each run that was begun. */
  async work(isOver: () => Promise<boolean>, onRun: (key: string) => void): Promise<void> {
    await this.#register();
    while (!(await isOver())) {
      try {
        const held = this.#held.map(({ itemId, token }) => ({ itemId, token }));
        const { leases } = await this.#lossy(() => this.#workers.claim(this.#id, { limit: 3, held }));
        for (const lease of leases) onRun(lease.key);
        this.#held.push(...leases);
        await this.#time.work(this.#random.between(1, 400));
        await this.#beat();
        await this.#report();
      } catch (error) {
        if (!(error instanceof MilepostError)) throw error;
        if (error.code === "NOT_FOUND") await this.#register();
        await this.#time.work(this.#random.between(1, this.#random.isTrue(0.1) ? 9_000 : 200));
      }
    }
  }

  async #register(): Promise<void> {
    this.#held = [];
    this.#id = (await this.#workers.open({ name: "lossy", concurrency: 4, leaseMs: this.#leaseMs })).id ?? "";
  }

  async #beat(): Promise<void> {
    const { orders } = await this.#lossy(() =>
      this.#workers.heartbeat(this.#id, { held: this.#held, confirmed: null }),
    );
    const lost = orders.filter(({ order }) => order === "lost").map(({ itemId }) => itemId);
    this.#held = this.#held.filter(({ itemId }) => !lost.includes(itemId));
  }

  async #report(): Promise<void> {
    const [lease] = this.#held;
    if (lease === undefined) return;
    const { itemId, token, key, attempt } = lease;
    await this.#lossy(() =>
      this.#workers.report(this.#id, [{ type: "complete", itemId, token, output: `${key} ${attempt}` }]),
    );
    this.#held.shift();
  }

  async #lossy<T>(call: () => Promise<T>): Promise<T> {
    if (this.#random.isTrue(0.1)) throw new MilepostError("STORE_UNAVAILABLE", "the call was lost");
    const answer = await call();
    if (this.#random.isTrue(0.1)) throw new MilepostError("STORE_UNAVAILABLE", "the answer was lost");
    return answer;
  }
}

async function live(seed: number, leaseMs: number): Promise<void> {
  const time = new ManualTime();
  const random = new SeededRandom(seed);
  const sound = createMemoryStore({ clock: time.clock });
  const self = { host: "here", pid: 1, birth: "now" };
  const host = { self, isDead: () => false };
  const deps = { clock: time.clock, random: new SeededRandom(seed + 1), host, logger: SILENT };
  const milepost = new Milepost({ ...deps, store: faulty(sound, random, 0.05) });
  const observer = new Milepost({ ...deps, store: sound });
  onTestFinished(() => time.until(milepost.close().then(() => observer.close())));
  const items = Array.from({ length: ITEMS }, (_, index) => `item-${index}`);
  const { batch } = await observer.submit({ pipeline: "p", items, crashBudget: 1_000, attempts: 1 });
  const workers = milepost.remoteWorkers();
  const from = time.clock.monotonic();
  const isOver = async (): Promise<boolean> => {
    expect(time.clock.monotonic() - from, "it comes to an end").toBeLessThan(END_MS);
    return (await batch.snapshot()).endedAt !== null;
  };
  const begun = new Set<string>();
  const working = [1, 2].map((part) =>
    new LossyWorker({ workers, time, leaseMs, random: new SeededRandom(seed + 10 * part) }).work(isOver, (key) =>
      begun.add(key),
    ),
  );
  await time.until(Promise.all(working));
  expect(await batch.snapshot()).toMatchObject({ outcome: "success", counts: { completed: ITEMS } });
  expect(await observer.verify()).toEqual([]);
  for (const { key, output, attempts } of (await batch.items()).items) {
    expect(begun.has(key), `${key} ended by one that heard of it`).toBe(true);
    expect(Number(String(output).split(" ")[1]), `${key} ended under one of its leases`).toBeLessThanOrEqual(attempts);
  }
  // Nothing is stranded: all that the sessions held has ended.
  expect((await observer.workers()).reduce((sum, { held }) => sum + held, 0)).toBe(0);
}

test.each([
  ["their leases lapse now and then", 5_000],
  ["no lease lapses, so that nothing may be stranded", LONG_LEASE_MS],
])(
  "whatever calls and answers are lost, every item ends once: %s",
  async (_, leaseMs) => {
    const property = fc.asyncProperty(fc.nat(1_000_000), (seed) => live(seed, leaseMs));
    await fc.assert(property, { numRuns: 20, interruptAfterTimeLimit: 4_000, markInterruptAsFailure: false });
  },
  30_000,
);

test("an engine that answered workers outside closes while its store is out of reach", async () => {
  const time = new ManualTime();
  const store = createMemoryStore({ clock: time.clock });
  let isReached = true;
  const sessions: Store["sessions"] = async () => {
    if (!isReached) throw new MilepostError("STORE_UNAVAILABLE", "it was not reached");
    return store.sessions();
  };
  const host = { self: { host: "machine", pid: 1, birth: "1" }, isDead: () => false };
  const deps = { store: { ...store, sessions }, clock: time.clock, random: new SeededRandom(1), host, logger: SILENT };
  const milepost = new Milepost(deps);
  await milepost.submit({ pipeline: "p", items: ["a"] });
  const workers = milepost.remoteWorkers();
  const { id } = await workers.open({ name: "outside" });
  expect((await workers.claim(id, { limit: 1, held: [] })).leases).toHaveLength(1);
  isReached = false;
  await time.until(milepost.close());
});
