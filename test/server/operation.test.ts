import { request } from "node:http";
import { describe, expect, test } from "vitest";
import type { Milepost } from "../../src/index.ts";
import { createServer } from "../../src/server/server.ts";
import { problemSchema } from "../../src/wire/problem.ts";
import { openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";
import { openRaw } from "./support/raw-socket.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

const NOWHERE = "/api/batches/018f0000-0000-7000-8000-000000000000";

/** The value of a metric with these labels, in any order; null where there is no such line. */
function metricIn(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== name) continue;
    if (Object.entries(labels).every(([label, value]) => match[2]?.includes(`${label}="${value}"`)))
      return Number(match[3]);
  }
  return null;
}

describe("health", () => {
  test("anybody may ask whether the process lives and the store works", async () => {
    const { fetch } = await startServer({ store: "sqlite" });
    for (const path of ["/healthz", "/readyz"]) {
      const answer = await fetch(path);
      expect([answer.status, await answer.json()]).toEqual([200, { status: "ok" }]);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
  });

  test("a server whose store is closed lives but is not ready, and says when to ask again", async () => {
    const milepost = await openForTest("memory");
    const { fetch } = await startServer({ milepost });
    await milepost.close();
    expect((await fetch("/healthz")).status).toBe(200);
    const answer = await fetch("/readyz");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(problemSchema.parse(await answer.json())).toMatchObject({
      type: "/problems/store",
      detail: "the store cannot be read or written: CLOSED",
    });
  });
});

describe("metrics", () => {
  const read = async ({ operator }: Awaited<ReturnType<typeof startServer>>): Promise<string> => {
    const answer = await operator("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/plain");
    return answer.text();
  };

  async function runBatch(milepost: Milepost, keys: readonly string[]) {
    const { batch } = await milepost.submit({ pipeline: "odd", items: keys, attempts: 1 });
    await batch.done();
    return batch;
  }

  test("are the operator's alone", async () => {
    const { fetch } = await startServer();
    expect((await fetch("/metrics")).status).toBe(401);
  });

  test("count what ended, also after it was deleted, and how long it waited and ran", async () => {
    const server = await startServer({ store: "sqlite" });
    const { milepost } = server;
    milepost.pipeline("odd", ({ key }) => {
      if (key.endsWith("bad")) throw new Error("no");
    });
    await milepost.work({ concurrency: 2 });
    const first = await runBatch(milepost, ["a", "b", "c-bad"]);
    const labels = { queue: "odd", pipeline: "odd" };
    const seen = async () => {
      const text = await read(server);
      const ended = (state: string): number | null =>
        metricIn(text, "milepost_items_ended_total", { ...labels, state });
      return {
        submitted: metricIn(text, "milepost_items_submitted_total", labels),
        ended: [ended("completed"), ended("failed")],
        batches: metricIn(text, "milepost_batches_ended_total", { ...labels, status: "completed" }),
        waits: metricIn(text, "milepost_item_wait_seconds_count", labels),
        runs: metricIn(text, "milepost_item_run_seconds_count", labels),
      };
    };
    expect(await seen()).toEqual({ submitted: 3, ended: [2, 1], batches: 1, waits: 3, runs: 3 });
    expect(await seen()).toEqual({ submitted: 3, ended: [2, 1], batches: 1, waits: 3, runs: 3 });
    await first.remove();
    await runBatch(milepost, ["d"]);
    expect(await seen()).toEqual({ submitted: 4, ended: [3, 1], batches: 2, waits: 4, runs: 4 });
    const again = await runBatch(milepost, ["e-bad", "f"]);
    await seen();
    await milepost.queue("odd").pause();
    await again.retry({ failed: true });
    await seen();
    await milepost.queue("odd").resume();
    await again.done();
    expect(await seen()).toEqual({ submitted: 6, ended: [4, 3], batches: 4, waits: 6, runs: 7 });
  });

  test("show what waits and runs by queue, and what the server does, without ids or paths", async () => {
    const server = await startServer();
    const { milepost, operator } = server;
    const { id } = await milepost.submit({ pipeline: "later", items: ["a", "b"], name: 'a "name"' });
    await milepost.queue("later").pause();
    await operator(`/api/batches/${id}`);
    await operator("/nowhere/at-all");
    const text = await read(server);
    expect(metricIn(text, "milepost_items", { queue: "later", state: "pending" })).toBe(2);
    expect(metricIn(text, "milepost_batches", { queue: "later", status: "pending" })).toBe(1);
    expect(metricIn(text, "milepost_queue_paused", { queue: "later" })).toBe(1);
    expect(metricIn(text, "milepost_store_up")).toBe(1);
    const durations = "milepost_http_request_duration_seconds_count";
    expect(metricIn(text, durations, { route: "/api/batches/:batchId", status: "200" })).toBe(1);
    expect(metricIn(text, durations, { route: "none", status: "404" })).toBe(1);
    for (const secret of [id, server.files, "nowhere", "name"]) expect(text).not.toContain(secret);
  });

  test("are answered also while the store cannot be read", async () => {
    const milepost = await openForTest("memory");
    const server = await startServer({ milepost });
    await milepost.close();
    expect(metricIn(await read(server), "milepost_store_up")).toBe(0);
  });
});

test("the log is JSON lines without cookies, tokens, queries or bodies, and nothing can forge a line", async () => {
  const lines: string[] = [];
  const { operator, fetch } = await startServer({ log: { write: (line) => lines.push(line) } });
  await operator("/api/batches/x%0Aforged?secret=query", { headers: { cookie: "milepost_session=secret-cookie" } });
  await fetch("/api/batches/x", {
    method: "POST",
    body: '{"secret":"body"}',
    headers: { "content-type": "text/plain" },
  });
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const requests = entries.filter(({ msg }) => msg === "request");
  expect(requests).toMatchObject([
    { method: "GET", path: "/api/batches/x%0Aforged", address: "127.0.0.1" },
    { method: "POST", path: "/api/batches/x" },
  ]);
  const text = lines.join("");
  expect(text.trimEnd().split("\n")).toHaveLength(lines.length);
  for (const secret of [TOKEN, "secret-cookie", "query", "body"]) expect(text).not.toContain(secret);
});

describe("closing", () => {
  test("requests under way are answered, their connections closed, and no more taken", async () => {
    const milepost = await openForTest("memory");
    const { id } = await milepost.submit({ pipeline: "nothing", items: [] });
    const asked = signal();
    const go = signal();
    // A store that takes its time over one read.
    const slow: Milepost = new Proxy(milepost, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== "batch") return typeof value === "function" ? value.bind(target) : value;
        return (...args: Parameters<Milepost["batch"]>) => {
          if (args[0] !== id) return target.batch(...args);
          asked.give();
          const batch = target.batch(id);
          return { snapshot: () => go.wait.then(() => batch.snapshot()) };
        };
      },
    });
    const server = await createServer(slow, { files: temporaryFolder(), port: 0, token: TOKEN });
    const url = await server.listen();
    const answer = new Promise<number | undefined>((resolve, reject) => {
      const sent = request(`${url}/api/batches/${id}`, { headers: { authorization: `Bearer ${TOKEN}` } });
      sent
        .on("response", (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });
    await asked.wait;
    const closed = server.close();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    go.give();
    expect(await answer).toBe(200);
    await closed;
    await server.close();
  });

  test("who never ends is cut after the time for it", async () => {
    const milepost = await openForTest("memory");
    const server = await createServer(milepost, { files: temporaryFolder(), port: 0, limits: { drainMs: 50 } });
    const url = await server.listen();
    const raw = await openRaw(url);
    raw.send(`POST ${NOWHERE} HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n`);
    raw.send("Content-Length: 10\r\n\r\n{");
    await fetch(`${url}/healthz`);
    await server.close();
    await raw.closed;
  });

  test("a port that is taken and an address that is not here are refused by name", async () => {
    const first = await startServer();
    const milepost = await openForTest("memory");
    const port = Number(new URL(first.url).port);
    const taken = await createServer(milepost, { files: temporaryFolder(), port });
    await expect(taken.listen()).rejects.toMatchObject({ code: "CONFLICT" });
    await taken.close();
    const nowhere = await createServer(milepost, { files: temporaryFolder(), host: "192.0.2.1", port: 0 });
    await expect(nowhere.listen()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await nowhere.close();
  });
});
