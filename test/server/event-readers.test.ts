import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { beginSession } from "./support/begin-session.ts";
import { EventReader } from "./support/event-reader.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

/** A connection that asks for events and reads nothing of the answer. */
async function openSleeper(url: string, path: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  return socket;
}

test("1,000 readers of one batch: each change is encoded once, and all read the same bytes", async () => {
  const { milepost, url } = await startServer();
  const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b"] });
  const ids = (await batch.items()).items.map((item) => item.id);
  const tracker = await milepost.track();
  const readers: EventReader[] = [];
  for (let at = 0; at < 1_000; at += 100) {
    const some = Array.from({ length: 100 }, () => EventReader.open(`${url}/api/batches/${id}/events`));
    readers.push(...(await Promise.all(some)));
  }
  await Promise.all(readers.map((reader) => reader.nextNamed("snapshot")));
  let encodings = 0;
  const { stringify } = JSON;
  vi.spyOn(JSON, "stringify").mockImplementation(((value: { id?: string }, ...rest: []) => {
    if (value?.id === id) encodings += 1;
    return stringify(value, ...rest);
  }) as typeof JSON.stringify);
  onTestFinished(() => void vi.restoreAllMocks());
  await tracker.start(ids);
  await tracker.complete(ids);
  const rests = await Promise.all(readers.map((reader) => reader.rest()));
  const { version } = await batch.snapshot();
  for (const rest of rests) {
    expect(rest.at(-1)).toMatchObject({ event: "end", id: String(version) });
    expect(rest.filter(({ id: at }) => at !== undefined)).toEqual(rests[0]?.filter(({ id: at }) => at !== undefined));
  }
  // Two commits and, if a whole second passed in between, an estimate that moved.
  expect(encodings).toBeGreaterThan(0);
  expect(encodings).toBeLessThan(10);
});

test("row 57: readers that never read are cut and cost no memory, the others go on; whoever was cut can resume", async () => {
  const { milepost, url } = await startServer({ limits: { streamBufferBytes: 300_000 } });
  const items = Array.from({ length: 1_000 }, (_, index) => ({ key: `${index} ${"x".repeat(2_000)}` }));
  const { batch, id } = await milepost.submit({ pipeline: "outside", items });
  const ids = (await batch.items({ limit: 1_000 })).items.map((item) => item.id);
  const tracker = await milepost.track();
  const sleepers = await Promise.all(Array.from({ length: 100 }, () => openSleeper(url, `/api/batches/${id}/events`)));
  const awake = await EventReader.open(`${url}/api/batches/${id}/events`);
  const first = await awake.next();
  const before = process.memoryUsage().rss;
  let open = sleepers.length;
  for (const sleeper of sleepers) sleeper.once("close", () => open--);
  for (let changes = 0; open > 0; changes++) {
    if (changes > 100) throw new Error("a reader that reads nothing is never cut");
    await tracker.start(ids);
    await tracker.release(ids);
    await awake.nextNamed("changes");
    // A socket that does not read learns of its end only when it writes.
    for (const sleeper of sleepers) sleeper.write("\r\n");
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  const resumed = await EventReader.open(`${url}/api/batches/${id}/events`, { "last-event-id": first?.id ?? "" });
  const missed = new Set<string>();
  while (missed.size < items.length) {
    for (const { key } of (await resumed.nextNamed("changes")).data.items) missed.add(key);
  }
});

test("row 58: a session may have so many streams, and has them back when they close", async () => {
  const server = await startServer({ limits: { streamsPerSession: 3 } });
  const { milepost, url } = server;
  const { cookie, owner } = await beginSession(server);
  const { id } = await milepost.submit({ pipeline: "outside", owner, items: ["a"] });
  const path = `${url}/api/batches/${id}/events`;
  const readers = await Promise.all([1, 2, 3].map(() => EventReader.open(path, { cookie }, null)));
  await Promise.all(readers.map((reader) => reader.next()));
  const refused = await fetch(path, { headers: { cookie } });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refused.json()).toMatchObject({ type: "/problems/rate-limited" });
  await Promise.all(Array.from({ length: 5 }, () => EventReader.open(path)));
  readers[0]?.close();
  let status = 429;
  while (status === 429) {
    const again = await fetch(`${url}/api/events?batches=${id}`, { headers: { cookie } });
    status = again.status;
    await again.body?.cancel();
  }
  expect(status).toBe(200);
});
