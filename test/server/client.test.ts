import { createServer as createHttpServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { ApiError, createClient } from "../../src/client/client.ts";
import { EventParser } from "../../src/client/event-parser.ts";
import { smallPicture } from "../support/make-images.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

test("the operator submits, steers, reads and removes with typed calls", async () => {
  const { url } = await startServer();
  const client = createClient({ url: `${url}/`, token: TOKEN });
  const { batchId, added } = await client.submit({ pipeline: "outside", name: "letters", items: ["a", "b"] });
  expect(added).toBe(2);
  const batch = client.batch(batchId);
  expect(await batch.read()).toMatchObject({ name: "letters", counts: { total: 2 } });
  expect((await client.batches({ ended: false })).batches.map(({ id }) => id)).toEqual([batchId]);
  expect(await batch.pause()).toMatchObject({ changed: 1, batch: { status: "paused" } });
  await batch.resume();
  expect((await batch.add({ items: ["c"] })).added).toBe(1);
  const { items } = await batch.items({ state: "pending" });
  expect(items.map(({ key }) => key)).toEqual(["a", "b", "c"]);
  const item = batch.item(items[0]?.id ?? "");
  expect(await item.hold()).toMatchObject({ changed: 1, item: { isHeld: true } });
  expect(await item.cancel()).toMatchObject({ item: { state: "cancelled" } });
  expect(await batch.setPriority("urgent")).toMatchObject({ changed: 1 });
  expect((await client.queues()).queues.map(({ name }) => name)).toContain("outside");
  expect(await client.queue("outside").pause()).toMatchObject({ queue: { state: "paused" } });
  await batch.cancel();
  expect(await batch.retry()).toMatchObject({ batch: { epoch: expect.any(Number), status: "pending" } });
  await batch.cancel();
  await batch.remove();
  const gone = await batch.read().catch((error: unknown) => error);
  expect(gone).toBeInstanceOf(ApiError);
  expect(gone).toMatchObject({ status: 404, type: "/problems/not-found" });
});

test("a page sends files in, has them worked on and watches to the end", async () => {
  const { url } = await startServer();
  let cookie = "";
  // What a browser does by itself: keeps the cookie of the session.
  const withCookie: typeof fetch = async (address, init) => {
    const answer = await fetch(address, { ...init, headers: { ...(init?.headers as object), cookie } });
    cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
    return answer;
  };
  const client = createClient({ url, fetch: withCookie });
  const content = new Blob([new Uint8Array(await smallPicture().png().toBuffer())]);
  const progress: number[] = [];
  const { files } = await client.upload([{ name: "photo.png", content }], {
    onProgress: (sent, total) => progress.push(sent / total),
  });
  expect(files[0]).toMatchObject({ filename: "photo.png", type: "image/png" });
  expect(progress.at(-1)).toBe(1);
  const { batchId } = await client.processBatch({ fileIds: files.map(({ fileId }) => fileId) });
  expect(await client.batchStatus(batchId)).toMatchObject({ batchId, progress: { total: 1 } });
  const states: string[] = [];
  for await (const update of client.batch(batchId).watch({ items: "all" })) {
    if (update.isFresh) void client.batch(batchId).cancel();
    states.push(update.batch.status);
  }
  expect(states[0]).toBe("pending");
  expect(states.at(-1)).toBe("cancelled");
});

test("watching goes on over broken connections, tells each change once, and ends with the batch", async () => {
  const { milepost, url } = await startServer();
  let connection = 0;
  const proxy = await startCuttingProxy(url, () => {
    connection += 1;
    return 300 + ((connection * 977) % 4_000);
  });
  const client = createClient({ url: proxy.url, token: TOKEN, fetch: hurried });
  const { batch, id } = await milepost.submit({ pipeline: "outside", items: ["a", "b", "c", "d"] });
  const ids = (await batch.items()).items.map((item) => item.id);
  const tracker = await milepost.track();
  const versions: string[] = [];
  const connections: string[] = [];
  let next = 0;
  let last = "";
  for await (const update of client.batch(id).watch({ onState: (state) => connections.push(state) })) {
    versions.push(...update.items.map((item) => `${item.key} ${item.version}`));
    last = update.batch.status;
    const item = ids[next++];
    if (item !== undefined) await tracker.complete([item]);
  }
  expect(last).toBe("completed");
  expect(versions).toHaveLength(4);
  expect(new Set(versions).size).toBe(4);
  expect(proxy.cuts).toBeGreaterThan(0);
  expect(connections.slice(0, 4)).toEqual(["connecting", "live", "waiting", "connecting"]);
});

test("many batches are watched at once, until the caller stops", async () => {
  const { milepost, url } = await startServer();
  const client = createClient({ url, token: TOKEN });
  const made = await Promise.all(
    ["a", "b"].map((name) => milepost.submit({ pipeline: "outside", name, items: ["x"] })),
  );
  const ids = made.map(({ id }) => id);
  const absent = ids[0]?.replace(/.{4}$/, "0000") ?? "";
  const seen = new Map<string, string>();
  const removed: string[] = [];
  for await (const update of client.watchMany([...ids, absent])) {
    for (const { id, status } of update.batches) seen.set(id, status);
    removed.push(...update.removed);
    if (seen.size === 2 && [...seen.values()].every((status) => status === "pending")) await made[0]?.batch.cancel();
    if (seen.get(ids[0] ?? "") === "cancelled") break;
  }
  expect([...seen.keys()].sort()).toEqual([...ids].sort());
  expect(removed).toEqual([absent]);

  const stop = new AbortController();
  for await (const { batches } of client.watchMany("all", { signal: stop.signal })) {
    expect(batches.map(({ id }) => id)).toEqual([ids[1]]);
    stop.abort();
  }
});

test("a refusal that would come again ends watching; one that passes does not", async () => {
  const { milepost, url } = await startServer();
  const { id, batch } = await milepost.submit({ pipeline: "outside", items: ["x"] });
  await batch.cancel();
  let refusals = 0;
  const moody = createHttpServer((request, response) => {
    refusals += 1;
    if (refusals < 3) {
      response.writeHead(refusals === 1 ? 503 : 429, { "content-type": "text/html" }).end("<h1>no</h1>");
      return;
    }
    void fetch(url + request.url, { headers: { authorization: request.headers.authorization ?? "" } }).then(
      async (answer) => {
        response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
        response.end(await answer.text());
      },
    );
  });
  await new Promise<void>((resolve) => moody.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void moody.close());
  const { port } = moody.address() as { port: number };
  const client = createClient({ url: `http://127.0.0.1:${port}`, token: TOKEN, fetch: hurried });
  const statuses: string[] = [];
  for await (const update of client.batch(id).watch()) statuses.push(update.batch.status);
  expect(statuses).toEqual(["cancelled"]);
  expect(refusals).toBe(3);
  const absent = createClient({ url, token: TOKEN }).batch(id.replace(/.{4}$/, "0000")).watch();
  await expect(absent.next()).rejects.toMatchObject({ status: 404 });
});

test("events are parsed as the HTML standard says, wherever the pieces are cut", () => {
  const text =
    "\uFEFFretry: 25\n: note\n\nevent: a\ndata: 1\ndata:2\nid: 7\n\ndata\r\n\r\nid: x\0\rdata:  y\r\rignored: z\n\ndata: cut";
  const expected = [
    { event: "a", id: "7", data: "1\n2" },
    { event: "message", id: null, data: "" },
    { event: "message", id: null, data: " y" },
  ];
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.feed(text.slice(at, at + size)));
    expect(events).toEqual(expected);
    expect(parser.retryMs).toBe(25);
  }
});

/** `fetch` of a server that asks to come back at once, so that tests need not wait for clients that are patient. */
const hurried: typeof fetch = async (address, init) => {
  const answer = await fetch(address, init);
  if (answer.headers.get("content-type") !== "text/event-stream" || answer.body === null) return answer;
  const slow = new TextDecoder();
  const encoder = new TextEncoder();
  const body = answer.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const text = slow.decode(chunk, { stream: true });
        controller.enqueue(encoder.encode(text.replace(/^retry: \d+$/gm, "retry: 1")));
      },
    }),
  );
  return new Response(body, answer);
};
