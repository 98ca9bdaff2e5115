/**
 * What a PostgreSQL server does to those who use it: it crashes, its old rows cannot be cleared, a pooler stands before it, and
 * its clock is not theirs. Run alone: `npx node test/faults/postgres-server.ts [name]`.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { LIMITS } from "../../src/core/limits.ts";
import { systemClock } from "../../src/platform/system-clock.ts";
import { systemHost } from "../../src/platform/system-host.ts";
import { openPostgresStore } from "../../src/stores/postgres/postgres-store.ts";
import { freePort } from "../support/free-port.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { FORGETFUL, openAt, openPostgresIn, startWorkerAt } from "./support/postgres-scenery.ts";
import { ledger, openGate, stopWorker, until } from "./support/scenery.ts";

/** Where the server tells of commits, a hint; where it is lost, a look each second. */
const POLL_MS = 1_000;
/** For a busy machine. */
const SLACK_MS = 1_500;

async function crashedServer(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene, { settings: FORGETFUL });
  const near = await openAt(scene, url);
  const store = await openPostgresStore({ url, clock: systemClock });
  scene.afterwards(() => store.close());
  const { batch } = await near.submit({
    pipeline: "work",
    items: [...["a", "b", "c"].map((key) => ({ key, input: {} })), { key: "last", input: { gate: "go" } }],
  });
  const number = (await store.batch({ id: (await batch.snapshot()).id }))?.number ?? 0;
  await store.checkpoint(null, systemClock.now());
  const worker = await startWorkerAt(scene, url, { concurrency: 4, leaseMs: 60_000 });
  await until(batch, ({ counts }) => counts.completed === 3 && counts.processing === 1);
  // What nobody was told of through the feed may be undone: the worker believes that three are done.
  const told = await store.changes(number, 0, 100);
  await cluster.crash();
  await asks(() => store.batch({ number }));
  const after = await store.batch({ number });
  scene.check("the batch's version is not behind what was told", (after?.version ?? 0) >= told.version, true);
  const resumed = await store.changes(number, told.version, 100);
  scene.check("a reader goes on where it was", resumed.isResumable, true);
  openGate(scene, "go");
  const ended = await batch.done();
  scene.check("completed", [ended.counts.completed, ended.counts.total], [4, 4]);
  scene.check("verify", await near.verify(), []);
  await stopWorker(worker);
}

async function undoneRecords(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene, { settings: FORGETFUL });
  const near = await openAt(scene, url);
  const { batch } = await near.submit({
    pipeline: "work",
    items: [
      { key: "early", input: { gate: "early" } },
      { key: "late", input: { gate: "late" } },
    ],
  });
  const worker = await startWorkerAt(scene, url, { concurrency: 2, leaseMs: 60_000 });
  await until(batch, ({ counts }) => counts.processing === 2);
  // So that the claim stays, and its end does not.
  await batch.checkpoint();
  openGate(scene, "early");
  await until(batch, ({ counts }) => counts.completed === 1);
  // It stands still meanwhile, so that no call of its own tells it.
  worker.signal("SIGSTOP");
  await cluster.crash();
  await asks(() => batch.snapshot());
  scene.check("the record of the end was undone", (await batch.snapshot()).counts.completed, 0);
  worker.signal("SIGCONT");
  await until(batch, ({ counts }) => counts.completed === 1);
  scene.check(
    "it ran again, in the same worker",
    ledger(scene).filter((line) => line.startsWith("start early")).length,
    2,
  );
  openGate(scene, "late");
  scene.check("completed", (await batch.done()).counts.completed, 2);
  scene.check("verify", await near.verify(), []);
  await stopWorker(worker);
}

async function endsThatStay(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene, { settings: FORGETFUL });
  const near = await openAt(scene, url);
  near.pipeline("work", ({ key }) => {
    if (key === "failed") throw new Error("as it should");
  });
  const worker = await near.work();
  for (const status of ["completed", "failed", "cancelled"]) {
    if (status === "cancelled") await worker.stop();
    const { batch } = await near.submit({ pipeline: "work", items: [status], attempts: 1 });
    if (status === "cancelled") await batch.cancel();
    await batch.done();
    await cluster.crash();
    await asks(() => batch.snapshot());
    scene.check(`whoever was told that it ${status} finds it so`, (await batch.snapshot()).status, status);
  }
}

async function submissionsThatStay(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene, { settings: FORGETFUL });
  const near = await openAt(scene, url);
  const [chunks, crashAfter] = [6, 3];
  async function* items(): AsyncGenerator<string, void, undefined> {
    for (let index = 0; index < chunks * LIMITS.submitChunkItems; index++) {
      if (index === crashAfter * LIMITS.submitChunkItems + 1) await cluster.crash();
      yield `item ${index}`;
    }
  }
  const { batch } = await near.submit({ pipeline: "work", items: items() });
  const { total } = (await batch.snapshot()).counts;
  scene.check("items of a submission during which the server crashed", total, chunks * LIMITS.submitChunkItems);
  scene.check("verify", await near.verify(), []);
  const open = (await near.submit({ pipeline: "work", items: ["a"], seal: false })).batch;
  await cluster.crash();
  await asks(() => open.snapshot());
  scene.check("items of a batch that is open", (await open.snapshot()).counts.total, 1);
  await open.add(["b"]);
  await cluster.crash();
  await asks(() => open.snapshot());
  scene.check("with those that were added", (await open.snapshot()).counts.total, 2);
  await open.pause();
  await cluster.crash();
  await asks(() => open.snapshot());
  scene.check("the order to pause it stays", (await open.snapshot()).status, "paused");
}

async function listenAcrossRestart(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene);
  const near = await openAt(scene, url);
  const listening = await openPostgresStore({ url, clock: systemClock });
  scene.afterwards(() => listening.close());
  let hear: () => void = () => {};
  scene.afterwards(listening.subscribe(() => hear()));
  await cluster.crash();
  await asks(() => near.batches());
  const heard = async (act: () => Promise<unknown>): Promise<number> => {
    const told = new Promise<void>((resolve) => {
      hear = resolve;
    });
    await act();
    const startedAt = performance.now();
    await told;
    return performance.now() - startedAt;
  };
  const { batch } = await near.submit({ pipeline: "work", items: ["a"], seal: false });
  const late = await heard(() => batch.add(["b"]));
  scene.checkAtMost("milliseconds until a listener hears of a commit after the restart", late, POLL_MS + SLACK_MS);
  const row = await listening.batch({ id: (await batch.snapshot()).id });
  const page = await listening.changes(row?.number ?? 0, 0, 10);
  scene.check(
    "the feed has all",
    page.items.map(({ key }) => key),
    ["a", "b"],
  );
}

/** Asks until the server answers again. */
async function asks(ask: () => Promise<unknown>): Promise<void> {
  while (
    !(await ask().then(
      () => true,
      () => false,
    ))
  );
}

async function oldSnapshot(scene: Scene): Promise<void> {
  const { url } = await openPostgresIn(scene);
  const store = await openPostgresStore({ url, clock: systemClock });
  scene.afterwards(() => store.close());
  const near = await openAt(scene, url);
  const without = await claimTimes(store, near);
  const idler = new pg.Client({ connectionString: url.replace(/\?.*/, "") });
  await idler.connect();
  scene.afterwards(() => idler.end());
  await idler.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await idler.query("SELECT count(*) FROM pg_class");
  const during = await claimTimes(store, near);
  console.log(
    `         claims of 100, milliseconds: p50 ${without.p50}, p99 ${without.p99}; with the snapshot p50 ${during.p50}, p99 ${during.p99}`,
  );
  scene.checkAtMost("p99 of a claim while a snapshot is held open, milliseconds", during.p99, BLOATED_CLAIM_MS);
}

const TRANSITIONS_ITEMS = 50_000;
const CLAIM = 100;
const BLOATED_CLAIM_MS = 250;

/** Runs items that do nothing by hand, and tells how long claims took. */
async function claimTimes(
  store: Awaited<ReturnType<typeof openPostgresStore>>,
  near: Awaited<ReturnType<typeof openAt>>,
): Promise<{ readonly p50: number; readonly p99: number }> {
  await near.submit({
    pipeline: "work",
    items: Array.from({ length: TRANSITIONS_ITEMS }, (_, index) => `item-${index}`),
  });
  const opened = {
    queues: [],
    batch: null,
    pipelines: null,
    concurrency: CLAIM,
    leaseMs: 60_000,
    now: systemClock.now(),
  };
  const worker = await store.openSession({ ...systemHost.self, name: "by hand", ...opened });
  const times: number[] = [];
  for (let turn = 0; ; turn++) {
    const now = systemClock.now();
    const startedAt = performance.now();
    const { leases } = await store.claim({ worker, queues: [], pipelines: null, limit: CLAIM, now, turn });
    times.push(performance.now() - startedAt);
    if (leases.length === 0) break;
    const started = leases.map((lease) => ({ type: "start" as const, item: lease.item, lease, startedAt: now }));
    await store.record(started, now);
    const ended = leases.map((lease) => ({
      type: "complete" as const,
      item: lease.item,
      lease,
      startedAt: now,
      output: null,
    }));
    await store.record(ended, now);
  }
  await store.closeSession(worker, systemClock.now());
  times.sort((a, b) => a - b);
  const at = (share: number): number => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

function pgbouncerObstacle(): string | null {
  const { error } = spawnSync("pgbouncer", ["--version"]);
  return error === undefined ? null : "needs PgBouncer (Debian: apt-get install pgbouncer)";
}

/** Starts a PgBouncer in transaction mode before the server at `url`; returns the URL by way of it. */
async function startPgbouncer(scene: Scene, url: string): Promise<string> {
  const target = new URL(url);
  const port = await freePort();
  chmodSync(scene.folder, 0o755);
  writeFileSync(scene.path("users.txt"), `"${target.username}" "${target.password}"\n`);
  const settings = [
    "[databases]",
    `postgres = host=127.0.0.1 port=${target.port} dbname=postgres`,
    "[pgbouncer]",
    ...["listen_addr = 127.0.0.1", `listen_port = ${port}`, "unix_socket_dir =", "pool_mode = transaction"],
    ...["auth_type = plain", `auth_file = ${join(scene.folder, "users.txt")}`, "default_pool_size = 10"],
    "ignore_startup_parameters = extra_float_digits,statement_timeout,lock_timeout,idle_in_transaction_session_timeout",
  ];
  writeFileSync(scene.path("pgbouncer.ini"), `${settings.join("\n")}\n`);
  const user = process.getuid?.() === 0 ? ["-u", "postgres"] : [];
  const bouncer = spawn("pgbouncer", [...user, scene.path("pgbouncer.ini")], { stdio: ["ignore", "ignore", "pipe"] });
  scene.afterwards(async () => {
    if (bouncer.exitCode !== null) return;
    bouncer.kill("SIGKILL");
    await once(bouncer, "exit");
  });
  await new Promise<void>((resolve, reject) => {
    bouncer.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes("process up")) resolve();
    });
    bouncer.once("exit", (status) => reject(new Error(`pgbouncer ended with ${status}`)));
  });
  target.port = String(port);
  // Older than 1.21 it mixes up statements that are kept by name.
  target.searchParams.set("prepare", "off");
  return target.href;
}

async function throughPgbouncer(scene: Scene): Promise<void> {
  const { url } = await openPostgresIn(scene);
  const pooled = await startPgbouncer(scene, url);
  const near = await openAt(scene, pooled);
  const workers = [
    await startWorkerAt(scene, pooled, { concurrency: 8 }),
    await startWorkerAt(scene, pooled, { concurrency: 8 }),
  ];
  const items = Array.from({ length: 1_000 }, (_, index) => ({ key: `item-${index}`, input: { blockMs: 3 } }));
  const { batch } = await near.submit({ pipeline: "work", items });
  const seen = new Set<number>();
  const watching = (async () => {
    for await (const { counts } of batch.watch({ everyMs: 20 })) seen.add(counts.completed);
  })();
  const { counts } = await batch.done();
  await watching;
  scene.check("completed", counts.completed, items.length);
  scene.check("both workers ran some", new Set(ledger(scene).map((line) => line.split(" ")[2])).size, 2);
  scene.check("the change is seen without hints", seen.size > 2, true);
  await batch.pause().catch(() => {});
  const { batch: held } = await near.submit({ pipeline: "work", items: [{ key: "long", input: { gate: "never" } }] });
  await until(held, ({ counts: now }) => now.processing === 1);
  await held.cancel();
  scene.check("a running item hears of its cancelling", (await held.done()).counts.cancelled, 1);
  await Promise.all(workers.map(stopWorker));
  scene.check("verify", await near.verify(), []);
}

const TEN_MINUTES_MS = 600_000;

async function differentClocks(scene: Scene): Promise<void> {
  const { url } = await openPostgresIn(scene);
  const near = await openAt(scene, url);
  const preload = `--import=${new URL("./support/shift-clock.ts", import.meta.url).href}`;
  const workers = [];
  for (const shiftMs of [TEN_MINUTES_MS, -TEN_MINUTES_MS]) {
    const env = { SHIFT_CLOCK_MS: String(shiftMs) };
    workers.push(await startWorkerAt(scene, url, { concurrency: 2, leaseMs: 1_000, nodeArgs: [preload], env }));
  }
  const items = Array.from({ length: 4 }, (_, index) => ({ key: `long-${index}`, input: { blockMs: 2_500 } }));
  const { batch } = await near.submit({ pipeline: "work", items });
  const { counts } = await batch.done();
  scene.check("completed", counts.completed, items.length);
  const starts = ledger(scene).filter((line) => line.startsWith("start "));
  scene.check("starts, each longer than its lease", starts.length, items.length);
  const attempts = (await Promise.all(items.map(({ key }) => batch.item(key).attempts()))).flat();
  const negative = attempts.filter(({ startedAt, endedAt }) => endedAt !== null && endedAt < startedAt);
  scene.check("attempts that ended before they began", negative, []);
  const clocks = new Set(attempts.map(({ startedAt }) => Math.sign(Number(startedAt) - Date.now() + 60_000)));
  scene.check("both clocks were at work", clocks.size, 2);
  await Promise.all(workers.map(stopWorker));
  scene.check("verify", await near.verify(), []);
}

export const postgresServerFaults: readonly Fault[] = [
  {
    name: "postgres-crash-and-feed",
    expected: "the server crashes: what the feed has told stays, a reader goes on without a gap, the work is done",
    run: crashedServer,
  },
  {
    name: "postgres-crash-undoes-records",
    expected: "a crash undoes the record of an item's end: its worker finds out, and runs it again",
    isSlow: true,
    run: undoneRecords,
  },
  {
    name: "postgres-crash-and-ends",
    expected: "the server crashes right after a batch was seen to end: it has ended, in whatever way",
    run: endsThatStay,
  },
  {
    name: "postgres-crash-and-submissions",
    expected: "the server crashes while items are submitted, right after, and after an order: all of it is there",
    run: submissionsThatStay,
  },
  {
    name: "postgres-restart-listen",
    expected:
      "the server restarts while somebody listens: he hears of the next commit within a second, and misses none",
    isSlow: true,
    run: listenAcrossRestart,
  },
  {
    name: "postgres-old-snapshot",
    expected: "a snapshot is held open while 50,000 items run through three states: claims stay bounded",
    isSlow: true,
    run: oldSnapshot,
  },
  {
    name: "postgres-pgbouncer",
    expected: "through PgBouncer in transaction mode all works, without hints from the server",
    isSlow: true,
    obstacle: pgbouncerObstacle,
    run: throughPgbouncer,
  },
  {
    name: "postgres-clocks-differ",
    expected: "the clocks of two workers are 20 minutes apart: no item runs twice, none ends before it began",
    isSlow: true,
    run: differentClocks,
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(postgresServerFaults.filter(({ name }) => wanted === undefined || name.includes(wanted)));
}
