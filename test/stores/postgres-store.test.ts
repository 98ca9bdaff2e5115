import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { batchIdFrom } from "../../src/core/ids.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { DEFAULT_POLICY } from "../../src/core/retry-policy.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { MIGRATIONS } from "../../src/stores/postgres/migrator.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { StoreTrial } from "../../src/testing/store-trial.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { LosingProxy } from "../support/losing-proxy.ts";
import { signal } from "../support/open-for-test.ts";
import { openPostgres } from "../support/open-postgres.ts";
import { type Cluster, startCluster } from "../support/postgres.ts";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

async function open(url: string, options: { readonly mustExist?: boolean } = {}): Promise<Store> {
  const store = await openPostgresStore({ url, clock: systemClock, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function newTrial(parameters: Readonly<Record<string, string>> = {}): Promise<StoreTrial> {
  const trial = await StoreTrial.open((clock: ManualClock) => openPostgres(cluster, clock, parameters));
  onTestFinished(() => trial.close());
  return trial;
}

describe("the schema", () => {
  test("is made once by many who start at once", async () => {
    const { url, schema } = cluster.newStore();
    await Promise.all(Array.from({ length: 6 }, () => open(url)));
    expect(await cluster.sql(`SELECT number FROM "${schema}".migrations`)).toHaveLength(MIGRATIONS.length);
  });

  test("is not made where it must exist", async () => {
    const { url, schema } = cluster.newStore();
    await expect(open(url, { mustExist: true })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await cluster.sql("SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema])).toEqual([]);
  });

  test("that is newer, or was made otherwise, is refused and left as it is", async () => {
    const { url, schema } = cluster.newStore();
    await (await open(url)).close();
    await cluster.sql(`INSERT INTO "${schema}".migrations VALUES (${MIGRATIONS.length + 1}, 'later', 'x', 0)`);
    await expect(open(url)).rejects.toMatchObject({ code: "STORE_SCHEMA", message: expect.stringContaining("newer") });
    await cluster.sql(`DELETE FROM "${schema}".migrations WHERE name = 'later'`);
    await cluster.sql(`UPDATE "${schema}".migrations SET checksum = 'x'`);
    await expect(open(url)).rejects.toMatchObject({
      code: "STORE_SCHEMA",
      message: expect.stringContaining("checksum"),
    });
  });

  test("of another program is refused", async () => {
    const { url, schema } = cluster.newStore();
    await cluster.sql(`CREATE SCHEMA "${schema}"`);
    await cluster.sql(`CREATE TABLE "${schema}".theirs ()`);
    await expect(open(url)).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
  });

  test("needs no more than a role that may use it", async () => {
    const { url, schema } = cluster.newStore();
    const role = `role_${schema}`;
    await cluster.sql(`CREATE ROLE "${role}" LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER PASSWORD 'p'`);
    await cluster.sql(`CREATE SCHEMA "${schema}" AUTHORIZATION "${role}"`);
    const own = new URL(url);
    own.username = role;
    own.password = "p";
    const store = await open(own.href);
    expect(await store.batches({ limit: 1 })).toEqual([]);
    expect(store.location).not.toContain(":p@");
    const other = new URL(own);
    other.searchParams.set("schema", `${schema}_other`);
    await expect(open(other.href)).rejects.toMatchObject({ code: "STORE_READ_ONLY" });
  });

  test("may keep its items in parts", async () => {
    const trial = await newTrial({ partitions: "3" });
    const made = [await trial.batch({ items: 3 }), await trial.batch({ items: 3 }), await trial.batch({ items: 3 })];
    const worker = await trial.worker();
    for (const lease of await trial.claim(worker)) await trial.complete(lease);
    for (const { number } of made) expect((await trial.row(number)).counts.completed).toBe(3);
    const again = await trial.submit(made[0]?.number ?? 0, ["item-1", "new"]);
    expect(again.verdicts).toEqual(["known", "added"]);
    await trial.finish();
  });
});

describe("a server", () => {
  test("that does not answer is retryable; one that refuses is not; nobody says the password", async () => {
    const url = new URL(cluster.url);
    url.port = "1";
    const refused = await open(url.href).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(String(refused)).not.toContain(url.password);
    const wrong = new URL(cluster.url);
    wrong.password = "wrong-password";
    const denied = await open(wrong.href).catch((error: unknown) => error);
    expect(denied).toMatchObject({ code: "STORE_UNSUPPORTED", retryable: false });
    expect(String(denied)).not.toContain("wrong-password");
    const elsewhere = new URL(cluster.url);
    elsewhere.pathname = "/nowhere";
    await expect(open(elsewhere.href)).rejects.toMatchObject({ code: "STORE_UNSUPPORTED" });
  });

  test("that ends our connections is asked again on new ones", async () => {
    const trial = await newTrial();
    await trial.batch({ items: 3 });
    await cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'milepost'");
    // The pool may not have heard of it yet, of any of its connections; nobody is told of those that broke before a commit.
    expect(await trial.claim(await trial.worker())).toHaveLength(3);
  });

  test("whose answer got lost has done it once, however often it is asked again", async () => {
    const proxy = new LosingProxy(Number(new URL(cluster.url).port));
    const port = await proxy.listen();
    onTestFinished(() => proxy.close());
    const trial = await newTrial();
    const way = new URL(trial.opened.store.location);
    way.password = new URL(cluster.url).password;
    way.port = String(port);
    way.searchParams.set("prepare", "off");
    const store = await openPostgresStore({ url: way.href, clock: trial.clock, leaseClock: trial.clock });
    onTestFinished(() => store.close());
    const now = trial.clock.now();
    const item = { input: null, size: null, kind: null, priority: 0 };
    const items = [
      { ...item, key: "a" },
      { ...item, key: "b" },
    ];
    const submission = { batch: trial.spec(), items, seal: true, now };
    proxy.loseAnswerTo("COMMIT");
    await expect(store.submit(submission)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    const submitted = await store.submit(submission);
    expect(submitted).toMatchObject({ isNew: false, verdicts: ["known", "known"], batch: { counts: { total: 2 } } });
    const worker = await trial.worker();
    const leases = await trial.claim(worker);
    const reports = leases.map(({ item, token }) => {
      return { item, lease: { token, worker }, type: "complete", startedAt: now, output: null } as const;
    });
    proxy.loseAnswerTo(".complete(");
    await expect(store.record(reports, now)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    const lost = { ok: false, reason: "lease-lost" };
    expect(await store.record(reports, now)).toEqual([lost, lost]);
    expect((await trial.row(submitted.batch?.number ?? 0)).counts).toMatchObject({ total: 2, completed: 2 });
    expect(proxy.cuts).toBe(2);
    await trial.finish();
  });
});

describe("a connection", () => {
  test("is waited for in turn by any number of calls, while orders and heartbeats go beside them", async () => {
    const { url, schema } = cluster.newStore();
    const clock = new ManualClock();
    const store = await openPostgresStore({ url: `${url}&connections=1`, clock });
    onTestFinished(() => store.close());
    const session = await store.openSession(SESSION);
    const blocker = new pg.Client({ connectionString: cluster.url });
    await blocker.connect();
    onTestFinished(() => blocker.end());
    await blocker.query(`BEGIN; LOCK TABLE "${schema}".batches`);
    const calls = Array.from({ length: 300 }, () => store.batches({ limit: 1 }));
    expect((await store.orders(session, 0)).leftMs).toBeGreaterThan(0);
    expect(await store.beat(session)).toBe(true);
    // Less than the time after which nobody waits any more.
    clock.advance(15_000);
    await blocker.query("COMMIT");
    await Promise.all(calls);
  });

  test("for which nobody is answered is waited for only so long, and by nobody who closes the store", async () => {
    const { url, schema } = cluster.newStore();
    const clock = new ManualClock();
    const store = await openPostgresStore({ url: `${url}&connections=1`, clock });
    const blocker = new pg.Client({ connectionString: cluster.url });
    await blocker.connect();
    onTestFinished(() => blocker.end());
    await blocker.query(`BEGIN; LOCK TABLE "${schema}".batches`);
    const first = store.batches({ limit: 1 });
    const second = store.batches({ limit: 1 }).catch((error: unknown) => error);
    clock.advance(16_000);
    expect(await second).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    const third = store.batches({ limit: 1 }).catch((error: unknown) => error);
    const closed = store.close();
    expect(await third).toMatchObject({ code: "CLOSED" });
    await blocker.query("COMMIT");
    await first;
    await closed;
  });
});

describe("commits", () => {
  test("are told to other stores by the server, while no clock runs", async () => {
    const { url } = cluster.newStore();
    const clock = new ManualClock();
    const [writer, reader] = await Promise.all([1, 2].map(() => openPostgresStore({ url, clock })));
    if (writer === undefined || reader === undefined) throw new Error("there are two stores");
    onTestFinished(async () => void (await Promise.all([writer.close(), reader.close()])));
    let heard = signal();
    reader.subscribe(() => heard.give());
    // Once the probe has come back.
    await heard.wait;
    heard = signal();
    await submitTo(writer, "told");
    await heard.wait;
  });

  test("make workers read their orders anew; without any they do so when an answer is old", async () => {
    const { url, schema } = cluster.newStore();
    const clock = new ManualClock();
    const [worker, operator] = await Promise.all([1, 2].map(() => openPostgresStore({ url, clock })));
    if (worker === undefined || operator === undefined) throw new Error("there are two stores");
    onTestFinished(async () => void (await Promise.all([worker.close(), operator.close()])));
    let heard = signal();
    worker.subscribe(() => heard.give());
    await heard.wait;
    const session = await worker.openSession(SESSION);
    const revision = async (confirmed: number): Promise<number> => (await worker.orders(session, confirmed)).revision;
    expect(await revision(0)).toBe(0);
    // Nobody is told of this.
    const raise = `UPDATE "${schema}".meta SET revision = revision + 1`;
    await cluster.sql(raise);
    expect(await revision(0)).toBe(0);
    clock.advance(150);
    expect(await revision(0)).toBe(1);
    expect(await revision(1)).toBe(1);
    heard = signal();
    await operator.control({ type: "pause", target: { queue: "q" } }, 0);
    await heard.wait;
    expect(await revision(1)).toBe(2);
  });

  test("are found out again after the connection that listens was lost", async () => {
    const { url } = cluster.newStore();
    const [writer, reader] = [await open(url), await open(url)];
    let heard = signal();
    onTestFinished(reader.subscribe(() => heard.give()));
    const next = async (): Promise<void> => {
      await heard.wait;
      heard = signal();
    };
    const kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'milepost listener'";
    while ((await cluster.sql(kill)).length === 0) await next();
    await submitTo(writer, "found");
    while ((await reader.batch({ owner: "o", name: "found" })) === null) await next();
  });
});

test("verify finds what nobody can find any more, or holds for nobody, and mends it", async () => {
  const { url, schema } = cluster.newStore();
  const trial = await StoreTrial.open(async (clock) => {
    const store = await openPostgresStore({ url, clock, leaseClock: clock });
    return { store, close: () => store.close() };
  });
  onTestFinished(() => trial.close());
  const [held, hidden] = [await trial.batch({ items: 3 }), await trial.batch({ items: 2 })];
  await trial.claim(await trial.worker(), { batch: held.number });
  await cluster.sql(`DELETE FROM "${schema}".workers`);
  await cluster.sql(`UPDATE "${schema}".frontiers SET ordinal = 1 WHERE batch = $1`, [hidden.number]);
  const found = await trial.store.verify({ repair: false });
  expect(found.map(({ expected }) => expected)).toEqual([
    ...Array(3).fill("a session that exists"),
    "one that a claim can find",
  ]);
  expect(await trial.claim(await trial.worker())).toHaveLength(1);
  expect(await trial.store.verify({ repair: true })).toHaveLength(4);
  expect(await trial.store.verify({ repair: false })).toEqual([]);
  expect(await trial.claim(await trial.worker())).toHaveLength(4);
});

test("a key may be as long as it may be, and is unique all the same", async () => {
  const trial = await newTrial();
  const long = Array.from({ length: LIMITS.keyBytes }, (_, index) =>
    String.fromCharCode(97 + ((index * 7919) % 26)),
  ).join("");
  const made = await trial.batch({ items: [long, `${long.slice(0, -1)}!`, long] });
  expect(made.submitted.verdicts).toEqual(["added", "added", "duplicate"]);
  expect((await trial.submit(made.number, [long])).verdicts).toEqual(["known"]);
  expect((await trial.store.item({ batch: made.number, key: long }))?.item.number).toBe(made.items[0]);
});

test("statements that the server does not keep give the same", async () => {
  const trial = await newTrial({ prepare: "off" });
  const made = await trial.batch({ items: 2 });
  for (const lease of await trial.claim(await trial.worker())) await trial.complete(lease);
  expect((await trial.row(made.number)).counts.completed).toBe(2);
});

test("a session that is cut off before its first beat is given up when its lease is over, not earlier", async () => {
  const { url } = cluster.newStore();
  const proxy = await FaultProxy.start({ port: Number(new URL(cluster.url).port) });
  onTestFinished(() => proxy.close());
  const store = await open(proxy.urlOf(url));
  const worker = await store.openSession(SESSION);
  proxy.mode = "blackhole";
  const openedAt = systemClock.monotonic();
  const lost = signal();
  store.pulse?.(worker, { everyMs: 50, leftMs: 1_500 }, lost.give);
  await lost.wait;
  expect(systemClock.monotonic() - openedAt).toBeGreaterThanOrEqual(1_500);
});

const SESSION = {
  ...{ name: "w", host: "h", pid: 1, birth: "b", queues: [], batch: null, pipelines: null },
  ...{ concurrency: 1, leaseMs: 60_000, now: 0 },
};

async function submitTo(store: Store, name: string): Promise<void> {
  const id = batchIdFrom(systemClock.now(), new SeededRandom(1).bytes(10));
  const names = { id, owner: "o", name, queue: "q", pipeline: "p", work: "p" };
  const batch = { ...names, options: null, policy: DEFAULT_POLICY, stages: [], priority: 0, startAt: null };
  await store.submit({ batch, items: [], seal: true, now: systemClock.now() });
}
