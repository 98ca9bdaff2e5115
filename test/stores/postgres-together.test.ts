import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { DEFAULT_POLICY } from "../../src/core/retry-policy.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import type { Lease, Report, Store } from "../../src/ports/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

const ACTORS = 6;
const STEPS = 40;
const BATCHES = 3;
const ITEMS = 40;

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** One of many who do at random whatever can be done, all at once, on the same few batches. */
class Actor {
  readonly #store: Store;
  readonly #random: SeededRandom;
  readonly #batches: readonly number[];
  #worker = 0;
  #leases: Lease[] = [];
  #turn = 0;

  constructor(store: Store, batches: readonly number[], seed: number) {
    this.#store = store;
    this.#batches = batches;
    this.#random = new SeededRandom(seed);
  }

  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step(this.#pick(14));
  }

  #pick(below: number): number {
    return Math.floor(this.#random.fraction() * below);
  }

  async #step(what: number): Promise<void> {
    const now = systemClock.now();
    const batch = this.#batches[this.#pick(BATCHES)] ?? 0;
    const item = batch * 2 ** 30 + this.#pick(ITEMS);
    switch (what) {
      case 0:
        return this.#begin(now);
      case 1:
        return void (await this.#store.control({ type: "cancel", target: { batch } }, now));
      case 2:
        return void (await this.#store.control({ type: "retry", target: { batch }, failedOnly: false }, now));
      case 3: {
        const type = (["pause", "stop", "resume", "resume"] as const)[this.#pick(4)] ?? "resume";
        return void (await this.#store.control({ type, target: { batch } }, now));
      }
      case 4: {
        const type = (["hold", "unhold", "cancel"] as const)[this.#pick(3)] ?? "unhold";
        return void (await this.#store.control({ type, target: { item } }, now));
      }
      case 5: {
        const items = [{ key: `new ${this.#pick(ITEMS)}`, input: null, size: null, kind: null, priority: 0 }];
        return void (await this.#store.submit({ batch, items, seal: true, now }));
      }
      case 6: {
        const change = () => ({ type: "complete", startedAt: now, output: null }) as const;
        return void (await this.#store.amend({ ref: { number: item }, worker: this.#worker, change, now }));
      }
      case 7: {
        const report: Report = { item, lease: null, type: "complete", startedAt: now, output: null };
        return void (await this.#store.record([report], now));
      }
      case 8:
      case 9:
      case 10:
        return this.#claim(now);
      default:
        return this.#report(now);
    }
  }

  /** Opens a session; the one before is closed, or left to be found dead. */
  async #begin(now: number): Promise<void> {
    const old = this.#worker;
    this.#leases = [];
    this.#worker = await this.#store.openSession({
      name: "actor",
      host: "h",
      pid: 1,
      birth: String(old),
      queues: [],
      batch: null,
      pipelines: null,
      concurrency: 4,
      leaseMs: 60_000,
      now,
    });
    if (this.#pick(2) === 0) await this.#store.closeSession(old, now);
    else await this.#store.reap(now, ({ birth }) => birth === "dead");
  }

  async #claim(now: number): Promise<void> {
    if (this.#worker === 0) await this.#begin(now);
    const request = { worker: this.#worker, queues: [], pipelines: null, limit: 8, now, turn: this.#turn++ };
    const { leases } = await this.#store.claim(request);
    this.#leases.push(...leases);
  }

  async #report(now: number): Promise<void> {
    const reports = this.#leases.splice(0, 1 + this.#pick(6)).map((lease): Report => {
      const held = { item: lease.item, lease };
      switch (this.#pick(5)) {
        case 0:
          return { ...held, type: "fail", startedAt: now, error: ERROR, retryAt: this.#pick(2) === 0 ? null : now };
        case 1:
          return { ...held, type: "release", startedAt: now, isCrash: this.#pick(2) === 0 };
        case 2:
          return { ...held, type: "start", startedAt: now };
        default:
          return { ...held, type: "complete", startedAt: now, output: null };
      }
    });
    // In an order of their own: nobody may rely on that of others.
    await this.#store.record(this.#pick(2) === 0 ? reports.reverse() : reports, now);
  }
}

const ERROR = { name: "Error", message: "no", code: null };

test("whatever many do at once, nobody waits in a circle, and all counts are right", async () => {
  const { url, schema } = cluster.newStore();
  const stores = await Promise.all([1, 2].map(() => openPostgresStore({ url, clock: systemClock })));
  onTestFinished(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await cluster.drop(schema);
  });
  const [first] = stores;
  if (first === undefined) throw new Error("there are two stores");
  const batches: number[] = [];
  for (let index = 0; index < BATCHES; index++) {
    const id = `01900000-0000-7000-8000-00000000000${index}`;
    const spec = { id, owner: "o", name: null, queue: "q", pipeline: "p", options: null, policy: DEFAULT_POLICY };
    const batch = { ...spec, stages: [], priority: 0, startAt: null, work: "p" };
    const items = Array.from({ length: ITEMS }, (_, key) => {
      return { key: `item ${key}`, input: null, size: null, kind: null, priority: 0 };
    });
    const { batch: row } = await first.submit({ batch, items, seal: true, now: systemClock.now() });
    batches.push(row?.number ?? 0);
  }
  const actors = Array.from({ length: ACTORS }, (_, seed) => new Actor(stores[seed % 2] ?? first, batches, seed + 1));
  await Promise.all(actors.map((actor) => actor.live(STEPS)));
  expect(await first.verify({ repair: false })).toEqual([]);
  const [row] = await cluster.sql("SELECT sum(deadlocks)::int AS n FROM pg_stat_database");
  expect(row?.n, "deadlocks").toBe(0);
});
