import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Milepost, openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { claimedSchema, ordersSchema, reportResultsSchema } from "../../src/wire/lease.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { drainedSchema, workerSchema, workersSchema } from "../../src/wire/worker.ts";
import { ManualTime } from "../support/manual-time.ts";
import { openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";
import { HttpWorker, json, named } from "./support/http-worker.ts";
import { startServer } from "./support/start-server.ts";

const ABSENT = "00000000-ffff-8000-8000-000000000000";

describe("a worker over HTTP", () => {
  test("opens a session, claims, reports and leaves; every answer is as its schema says", async () => {
    const { milepost, operator } = await startServer();
    const items = [{ key: "a", input: { n: 1 }, size: 5 }, "b"];
    const { batch, id } = await milepost.submit({ pipeline: "p", items, options: { deep: [1] }, timeoutMs: 90_000 });
    const opened = await operator("/api/workers", json({ name: "py:1", concurrency: 2, pipelines: ["p"] }));
    const worker = workerSchema.strict().parse(await opened.json());
    expect(opened.status).toBe(201);
    expect(opened.headers.get("location")).toBe(`/api/workers/${worker.workerId}`);
    expect(worker).toMatchObject({ name: "py:1", queues: [], pipelines: ["p"], leaseSeconds: 30, held: 0 });
    const at = (path: string, body: object) => operator(`/api/workers/${worker.workerId}/${path}`, json(body));

    const claimed = claimedSchema.strict().parse(await (await at("claim", { limit: 5, held: [] })).json());
    const [a, b] = claimed.leases;
    if (a === undefined || b === undefined) throw new Error("two were claimed");
    expect(a).toMatchObject({ key: "a", input: { n: 1 }, size: 5, attempt: 1, token: 1 });
    expect(a.batch).toEqual({
      id,
      name: null,
      queue: "p",
      pipeline: "p",
      options: { deep: [1] },
      stages: [],
      timeoutSeconds: 90,
    });

    const beat = await at("heartbeat", { held: [named(a), { ...named(b), isHalted: true }] });
    const orders = ordersSchema.strict().parse(await beat.json());
    expect(orders.orders.map(({ order }) => order)).toEqual(["go-on", "go-on"]);
    expect(orders.leaseSeconds).toBeGreaterThan(25);

    const reports = [
      { type: "progress", ...named(a), stage: "read", done: 1, total: 4, unit: "page", message: "well" },
      { type: "complete", ...named(a), output: ["x"] },
      { type: "fail", ...named(b), error: { message: "broken", code: "E" }, isFinal: true, saved: 1 },
      { type: "release", itemId: a.itemId, token: 7 },
    ];
    const answer = reportResultsSchema.strict().parse(await (await at("reports", { reports })).json());
    expect(answer.results.map(({ result }) => result)).toEqual(["recorded", "recorded", "recorded", "lease-lost"]);
    expect(await batch.snapshot()).toMatchObject({ status: "completed", outcome: "partial" });

    const list = workersSchema.strict().parse(await (await operator("/api/workers")).json());
    expect(list.workers).toMatchObject([{ workerId: worker.workerId, held: 0 }]);
    const left = await operator(`/api/workers/${worker.workerId}`, { method: "DELETE" });
    expect([left.status, await left.text()]).toEqual([204, ""]);
    expect((await at("claim", { held: [] })).status).toBe(404);
  });

  test("is drained: it hears of it, is given nothing more, and leaves", async () => {
    const { milepost, operator } = await startServer();
    await milepost.submit({ pipeline: "p", items: ["a", "b"] });
    const worker = await HttpWorker.open(operator);
    const lease = await worker.claimOne();
    const drain = () => operator(`/api/workers/${worker.id}/drain`, { method: "POST" });
    const first = await drain();
    expect([first.status, drainedSchema.strict().parse(await first.json())]).toEqual([
      200,
      { changed: 1, isConfirmed: true, held: 1, hasLeft: false },
    ]);
    expect(await worker.beat({ held: [named(lease)] })).toMatchObject({ isDraining: true });
    expect(await worker.claim({ held: [named(lease)] })).toEqual([]);
    const list = workersSchema.strict().parse(await (await operator("/api/workers?items=5")).json());
    expect(list.workers).toMatchObject([{ isDraining: true, host: null, items: [{ key: "a", state: "processing" }] }]);
    expect(await worker.complete(lease)).toBe("recorded");
    await worker.leave();
    expect((await drain()).status).toBe(404);
  });

  test("a worker of a process has an id as well, by which it is drained but cannot be called", async () => {
    const { milepost, operator } = await startServer();
    milepost.pipeline("p", () => {});
    const worker = await milepost.work();
    const { workers } = workersSchema.strict().parse(await (await operator("/api/workers")).json());
    const id = workers[0]?.workerId ?? "";
    expect(workers).toMatchObject([{ pid: process.pid, host: expect.any(String), isDraining: false, items: [] }]);
    expect((await operator(`/api/workers/${id}/claim`, json({ held: [] }))).status).toBe(404);
    expect((await operator(`/api/workers/${id}`, { method: "DELETE" })).status).toBe(404);
    expect((await operator(`/api/workers/${id}/drain`, { method: "POST" })).status).toBe(200);
    await worker.drained();
  });

  test("is the operator's alone, and an id that is none is not there", async () => {
    const { fetch, operator } = await startServer();
    const { id } = await HttpWorker.open(operator);
    const bodies: readonly (readonly [path: string, body: object])[] = [
      ["claim", { held: [] }],
      ["drain", {}],
      ["heartbeat", { held: [] }],
      ["reports", { reports: [{ type: "complete", itemId: ABSENT, token: 1 }] }],
    ];
    for (const [path, body] of [...bodies, ["claim", { nonsense: true }] as const]) {
      const answer = await fetch(`/api/workers/${id}/${path}`, json(body));
      expect(problemSchema.parse(await answer.json())).toMatchObject({ type: "/problems/session", status: 401 });
    }
    for (const init of [{}, json({ name: "x" })]) expect((await fetch("/api/workers", init)).status).toBe(401);
    expect((await fetch(`/api/workers/${id}`, { method: "DELETE" })).status).toBe(401);
    const forged = `${id.slice(0, -4)}0000`;
    for (const [path, body] of bodies) {
      const answers = await Promise.all(
        [forged, ABSENT].map((wrong) => operator(`/api/workers/${wrong}/${path}`, json(body))),
      );
      // Of a worker that was once there the tokens decide, each for itself.
      expect(answers.map(({ status }) => status)).toEqual([404, path === "reports" ? 200 : 404]);
    }
    expect((await operator("/api/workers/x/claim", json({ held: [] }))).status).toBe(400);
    expect((await operator(`/api/workers/${ABSENT}`, { method: "DELETE" })).status).toBe(404);
  });

  test.each([
    ["", { name: "" }],
    ["", { name: "x", leaseSeconds: 0 }],
    ["", { name: "x", leaseSeconds: 3_601 }],
    ["", { name: "x", concurrency: 0 }],
    ["", { name: "x", pipelines: [] }],
    ["", { name: "\0" }],
    ["", { name: "x", other: 1 }],
    ["claim", {}],
    ["claim", { held: [{ itemId: "x", token: 1 }] }],
    ["claim", { held: [], limit: 501 }],
    ["claim", { held: [], waitSeconds: 31 }],
    ["heartbeat", { held: [], confirmed: -1 }],
    ["heartbeat", { held: [{ itemId: ABSENT, token: 1.5 }] }],
    ["reports", { reports: [] }],
    ["reports", { reports: [{ type: "explode", itemId: ABSENT, token: 1 }] }],
    ["reports", { reports: [{ type: "progress", itemId: ABSENT, token: 1, done: -1 }] }],
    ["reports", { reports: [{ type: "fail", itemId: ABSENT, token: 1 }] }],
    ["reports", { reports: [{ type: "complete", itemId: ABSENT, token: 1, more: 1 }] }],
  ])("%s is refused: %j", async (path, body) => {
    const { operator } = await startServer();
    const { id } = await HttpWorker.open(operator);
    const answer = await operator(path === "" ? "/api/workers" : `/api/workers/${id}/${path}`, json(body));
    expect(problemSchema.parse(await answer.json())).toMatchObject({ type: "/problems/validation", status: 422 });
  });

  test("what cannot be recorded is refused as a whole", async () => {
    const { milepost, operator } = await startServer();
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a"] });
    const worker = await HttpWorker.open(operator);
    const lease = named(await worker.claimOne());
    const reports = [
      { type: "complete", ...lease, output: "fine" },
      { type: "progress", ...lease, done: 2, total: 1 },
    ];
    const answer = await operator(`/api/workers/${worker.id}/reports`, json({ reports }));
    expect(answer.status).toBe(422);
    expect(await batch.snapshot()).toMatchObject({ counts: { processing: 1 } });
  });

  test("that dies loses its items, and what it says later is answered with lease-lost", async () => {
    const time = new ManualTime();
    const milepost = await openForTest("memory", { clock: time.clock });
    const { operator } = await startServer({ milepost });
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a"] });
    const dying = await HttpWorker.open(operator, { leaseSeconds: 5 });
    const lease = await dying.claimOne();
    await time.pass(6_000);
    const other = await HttpWorker.open(operator);
    const again = await other.claimOne();
    expect(again).toMatchObject({ key: "a", attempt: 2, token: lease.token + 1 });
    expect(await dying.complete(lease, "late")).toBe("lease-lost");
    expect(await other.complete(again, "right")).toBe("recorded");
    expect(await dying.complete(lease, "late")).toBe("lease-lost");
    expect(await batch.item("a").snapshot()).toMatchObject({ state: "completed", output: "right", crashes: 1 });
    await expect(dying.beat()).rejects.toThrow("404");
  });

  test("takes the urgent batch first, hears of a pause and a stop, and loses what is cancelled", async () => {
    const { milepost, operator } = await startServer();
    const slow = await milepost.submit({ pipeline: "p", items: ["a", "b"] });
    const urgent = await milepost.submit({ pipeline: "p", items: ["c"] });
    await urgent.batch.setPriority("urgent");
    const worker = await HttpWorker.open(operator, { concurrency: 3 });
    const leases = await worker.claim({ limit: 3 });
    expect(leases.map(({ key }) => key)).toEqual(["c", "a", "b"]);
    let held = leases.map(named);
    let { revision: confirmed } = await worker.beat({ held });
    /** Acts on what it hears until it has heard `order`; a heartbeat waits for it. */
    const hear = async (order: string) => {
      for (;;) {
        const told = await worker.beat({ held, confirmed, waitSeconds: 10 });
        confirmed = told.revision;
        const meant = told.orders.filter((each) => each.order === order).map(named);
        if (meant.length > 0) return meant;
      }
    };
    const pausing = slow.batch.pause();
    expect(await hear("pause")).toHaveLength(2);
    await worker.beat({ held, confirmed });
    await pausing;
    expect(await slow.batch.snapshot()).toMatchObject({ status: "paused", counts: { processing: 2 } });
    const stopping = slow.batch.stop();
    const stopped = await hear("abort");
    await worker.report(...stopped.map((lease) => ({ type: "release", ...lease, saved: "half" })));
    held = held.filter(({ itemId }) => !stopped.some((lease) => lease.itemId === itemId));
    await worker.beat({ held, confirmed });
    await stopping;
    expect(await slow.batch.snapshot()).toMatchObject({ counts: { pending: 2 } });
    await urgent.batch.cancel();
    expect(await hear("lost")).toEqual(held);
    expect(await worker.complete(held[0] ?? { itemId: ABSENT, token: 1 })).toBe("lease-lost");
  });

  test("that hangs up while it waits for work is given none", async () => {
    const { milepost, operator } = await startServer();
    const gone = await HttpWorker.open(operator);
    const hangUp = new AbortController();
    const init = { ...json({ held: [], waitSeconds: 10 }), signal: hangUp.signal };
    const waiting = operator(`/api/workers/${gone.id}/claim`, init);
    hangUp.abort();
    await expect(waiting).rejects.toThrow("aborted");
    const { batch } = await milepost.submit({ pipeline: "p", items: ["a"] });
    const other = await HttpWorker.open(operator);
    // Given to nobody, or taken back at once.
    const [lease] = await other.claim({ waitSeconds: 10 });
    expect(lease).toMatchObject({ key: "a" });
    expect(await batch.snapshot()).toMatchObject({ counts: { processing: 1 } });
  });

  test("does not keep a server from closing while it waits", async () => {
    const { operator, close } = await startServer();
    const worker = await HttpWorker.open(operator, { leaseSeconds: 90 });
    const { revision: confirmed } = await worker.beat();
    const waits = Promise.allSettled([worker.beat({ confirmed, waitSeconds: 30 }), worker.claim({ waitSeconds: 30 })]);
    // An answer to a later call says that the earlier ones have come.
    await worker.beat();
    await close();
    await waits;
  });
});

test("two workers over HTTP and one in the process share a store: each item runs once", async () => {
  const milepost = await openForTest("sqlite");
  const runs: string[] = [];
  const { operator } = await startServer({ milepost });
  const keys = Array.from({ length: 60 }, (_, index) => `item-${index}`);
  const { batch } = await milepost.submit({ pipeline: "p", items: keys });
  milepost.pipeline("p", (item) => {
    runs.push(item.key);
    return "here";
  });
  const outside = ["first", "second"].map(async (name) => {
    const worker = await HttpWorker.open(operator, { name, concurrency: 3 });
    for (let isOver = false; !isOver; ) {
      const leases = await worker.claim({ limit: 3 });
      runs.push(...leases.map(({ key }) => key));
      const reports = leases.map((lease) => ({ type: "complete", ...named(lease), output: name }));
      if (reports.length > 0) expect(await worker.report(...reports)).toEqual(reports.map(() => "recorded"));
      isOver = leases.length === 0 && (await batch.snapshot()).counts.pending === 0;
    }
    await worker.leave();
  });
  await milepost.work({ concurrency: 1 });
  await Promise.all(outside);
  expect(await batch.done()).toMatchObject({ outcome: "success", counts: { completed: 60 } });
  expect(runs.toSorted()).toEqual(keys.toSorted());
  expect(await milepost.verify()).toEqual([]);
});

test("a restart of the server changes nothing for its workers", async () => {
  const location = join(temporaryFolder(), "work.db");
  const open = async (): Promise<Milepost> => {
    const milepost = await openMilepost(location, { logger: SILENT });
    onTestFinished(() => milepost.close());
    return milepost;
  };
  const first = await open();
  const { id } = await first.submit({ pipeline: "p", items: ["a", "b"] });
  const server = await startServer({ milepost: first });
  const before = await HttpWorker.open(server.operator, { concurrency: 2 });
  const lease = await before.claimOne();
  const { revision } = await before.beat({ held: [named(lease)] });
  await server.close();
  await first.close();

  const second = await open();
  const after = before.at((await startServer({ milepost: second })).operator);
  expect(await after.beat({ held: [named(lease)], confirmed: revision })).toMatchObject({
    revision,
    orders: [{ order: "go-on" }],
  });
  const [next] = await after.claim({ held: [named(lease)], limit: 5 });
  expect(next).toMatchObject({ key: "b" });
  const results = await after.report(...[lease, next].map((held) => ({ type: "complete", ...named(held ?? lease) })));
  expect(results).toEqual(["recorded", "recorded"]);
  expect(await second.batch(id).done()).toMatchObject({ outcome: "success" });
});

test("a pause is acknowledged while a heartbeat waits", async () => {
  const { milepost, operator } = await startServer({ store: "sqlite" });
  const { batch } = await milepost.submit({ pipeline: "p", items: ["a"] });
  const worker = await HttpWorker.open(operator);
  const held = [named(await worker.claimOne())];
  let { revision: confirmed } = await worker.beat({ held });
  const paused = signal();
  const beating = (async () => {
    let isPaused = false;
    void paused.wait.then(() => {
      isPaused = true;
    });
    while (!isPaused) confirmed = (await worker.beat({ held, confirmed, waitSeconds: 1 })).revision;
  })();
  const from = performance.now();
  await batch.pause();
  const tookMs = performance.now() - from;
  paused.give();
  await batch.resume();
  await beating;
  expect(tookMs).toBeLessThan(1_000);
});
