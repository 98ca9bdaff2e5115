import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openMilepost } from "../../src/index.ts";
import { SILENT } from "../../src/ports/logger.ts";
import { batchControlledSchema, queueControlledSchema } from "../../src/wire/control.ts";
import { queueSchema, queuesSchema } from "../../src/wire/queue.ts";
import { STORES, signal, temporaryFolder } from "../support/open-for-test.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

function post(server: TestServer, path: string, body: object = {}): Promise<Response> {
  return server.operator(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test.each(STORES)("%s: a stop that takes long is answered with what is outstanding, and stands", async (store) => {
  const server = await startServer({ store, limits: { haltWaitMs: 60 } });
  const [started, ended] = [signal(), signal()];
  server.milepost.pipeline("stubborn", async () => {
    started.give();
    // Takes no notice of its abort.
    await ended.wait;
  });
  await server.milepost.work();
  const { id } = await server.milepost.submit({ pipeline: "stubborn", items: ["a", "b"] });
  await started.wait;

  for (const changed of [1, 0]) {
    const stopped = await post(server, `/api/batches/${id}/stop`);
    expect(stopped.status).toBe(202);
    expect(batchControlledSchema.parse(await stopped.json())).toMatchObject({
      changed,
      batch: { id, status: "paused", counts: { processing: 1, pending: 1 } },
      outstanding: { processing: 1 },
    });
  }
  const queue = await post(server, "/api/queues/stubborn/stop");
  expect(queue.status).toBe(202);
  expect(queueControlledSchema.parse(await queue.json())).toMatchObject({
    changed: 1,
    queue: { state: "stopped" },
    outstanding: { processing: 1 },
  });
  ended.give();
  await expect.poll(async () => (await post(server, `/api/batches/${id}/stop`)).status, { timeout: 30_000 }).toBe(200);
  expect(await server.milepost.batch(id).snapshot()).toMatchObject({
    counts: { processing: 0, completed: 1, pending: 1 },
  });
});

test("a pause that a worker has not confirmed says so, and is acknowledged when it has", async () => {
  const folder = temporaryFolder();
  const store = join(folder, "work.db");
  const milepost = await openMilepost(store, { logger: SILENT });
  onTestFinished(() => milepost.close());
  const server = await startServer({ milepost, limits: { haltWaitMs: 60 } });
  const { id } = await milepost.submit({ pipeline: "other", items: ["a"] });
  const script = fileURLToPath(new URL("../support/work-on.ts", import.meta.url));
  const worker = spawn(process.execPath, [script, store, folder, "1", "60000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void worker.kill("SIGKILL"));
  await once(worker.stdout, "data");
  worker.kill("SIGSTOP");
  const paused = await post(server, `/api/batches/${id}/pause`);
  expect(paused.status).toBe(202);
  expect(batchControlledSchema.parse(await paused.json())).toMatchObject({
    changed: 1,
    batch: { status: "paused" },
    outstanding: { workers: 1, processing: 0 },
  });
  worker.kill("SIGCONT");
  await expect.poll(async () => (await post(server, `/api/batches/${id}/pause`)).status, { timeout: 30_000 }).toBe(200);
});

test.each(STORES)("%s: queues are read and steered", async (store) => {
  const server = await startServer({ store });
  const { id } = await server.milepost.submit({ pipeline: "p", queue: "a/b ü", items: ["a", "b"] });
  const path = `/api/queues/${encodeURIComponent("a/b ü")}`;
  expect(queuesSchema.parse(await (await server.operator("/api/queues")).json()).queues).toHaveLength(1);
  expect(queueSchema.parse(await (await server.operator(path)).json())).toEqual({
    name: "a/b ü",
    state: "idle",
    concurrency: null,
    batches: 1,
    pending: 2,
    processing: 0,
  });
  const controlled = async (end: string, body?: object): Promise<unknown> => {
    const answer = await post(server, `${path}/${end}`, body);
    expect(answer.status).toBe(200);
    return queueControlledSchema.parse(await answer.json());
  };
  expect(await controlled("pause")).toMatchObject({ changed: 1, queue: { state: "paused" } });
  expect(await controlled("pause")).toMatchObject({ changed: 0 });
  expect(await controlled("stop")).toMatchObject({ changed: 1, queue: { state: "stopped" } });
  expect(await controlled("resume")).toMatchObject({ changed: 1, queue: { state: "idle" } });
  expect(await controlled("concurrency", { concurrency: 3 })).toMatchObject({ changed: 1, queue: { concurrency: 3 } });
  expect(await controlled("concurrency", { concurrency: null })).toMatchObject({ queue: { concurrency: null } });
  expect(await controlled("clear")).toMatchObject({ changed: 2, queue: { batches: 0, pending: 0 } });
  expect(await server.milepost.batch(id).snapshot()).toMatchObject({ status: "cancelled" });
  for (const concurrency of [0, -1, 1.5, "2", 1e308]) {
    expect((await post(server, `${path}/concurrency`, { concurrency })).status).toBe(422);
  }
  expect((await server.operator("/api/queues/nothing")).status).toBe(404);
  // A queue may be paused before anything is submitted to it.
  expect((await post(server, "/api/queues/later/pause")).status).toBe(200);
  expect(await (await server.operator("/api/queues/later")).json()).toMatchObject({ state: "paused", batches: 0 });
  expect((await server.fetch("/api/queues")).status).toBe(401);
});
