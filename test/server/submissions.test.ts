import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MilepostError } from "../../src/index.ts";
import { submittedSchema, type WireSubmitted } from "../../src/wire/submission.ts";
import { STORES } from "../support/open-for-test.ts";
import { openRaw, rawHead } from "./support/raw.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

const JSON_TYPE = { "content-type": "application/json" };
const NDJSON_TYPE = { "content-type": "application/x-ndjson" };

async function submitted(answer: Response): Promise<WireSubmitted> {
  expect(answer.status, await answer.clone().text()).toBe(202);
  return submittedSchema.parse(await answer.json());
}

function post(server: TestServer, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return server.operator("/api/batches", {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
  });
}

function postLines(
  server: TestServer,
  path: string,
  lines: string | Uint8Array | ReadableStream<Uint8Array>,
  headers = {},
): Promise<Response> {
  return server.operator(path, {
    method: "POST",
    headers: { ...NDJSON_TYPE, ...headers },
    body: lines,
    duplex: "half",
  } as RequestInit);
}

/** So many lines, made as they are read. */
function manyLines(count: number): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      let piece = "";
      for (const until = Math.min(count, next + 5_000); next < until; next++) {
        piece += `{"key":"item-${next % (count - 3)}","input":{"row":${next}}}\n`;
      }
      controller.enqueue(new TextEncoder().encode(piece));
      if (next === count) controller.close();
    },
  });
}

async function spooled(server: TestServer): Promise<readonly string[]> {
  return readdir(join(server.files, "spool")).catch(() => []);
}

for (const store of STORES) {
  test(`${store}: a batch is accepted with where it is, and what became of items that came twice`, async () => {
    const server = await startServer({ store });
    const answer = await post(server, {
      pipeline: "p",
      name: "n",
      priority: "high",
      options: { a: 1 },
      attempts: 7,
      items: ["a", { key: "b", input: { deep: [0.1 + 0.2, 2 ** 53 + 1] }, priority: -3, size: 4, kind: "k" }, "a"],
    });
    expect(answer.headers.get("content-type")).toContain("application/json");
    const { batchId, ...rest } = await submitted(answer);
    expect(answer.headers.get("location")).toBe(`/api/batches/${batchId}`);
    expect(rest).toEqual({ added: 2, known: 0, duplicate: 1, verdicts: [{ key: "a", verdict: "duplicate" }] });
    const again = await submitted(await post(server, { pipeline: "p", name: "n", items: ["a", "c"] }));
    expect(again).toEqual({
      batchId,
      added: 1,
      known: 1,
      duplicate: 0,
      verdicts: [{ key: "a", verdict: "known" }],
    });
    const batch = await (await server.operator(`/api/batches/${batchId}`)).json();
    expect(batch).toMatchObject({ name: "n", priority: -10, options: { a: 1 }, isSealed: true, counts: { total: 3 } });
    const { items } = (await (await server.operator(`/api/batches/${batchId}/items`)).json()) as {
      items: { key: string }[];
    };
    expect(items.find(({ key }) => key === "b")).toMatchObject({
      input: { deep: [0.1 + 0.2, 2 ** 53 + 1] },
      priority: -3,
      size: 4,
      kind: "k",
    });
  });

  test(`${store}: NDJSON of more items than a commit holds is counted, and nothing of it stays in the spool`, async () => {
    const server = await startServer({ store });
    const path = "/api/batches?pipeline=p&name=many&priority=-5&seal=false&attempts=2&options=%7B%22x%22%3A1%7D";
    const made = await submitted(await postLines(server, path, manyLines(3_503)));
    expect(made).toMatchObject({ added: 3_500, known: 0, duplicate: 3 });
    expect(made.verdicts).toEqual(["item-0", "item-1", "item-2"].map((key) => ({ key, verdict: "duplicate" })));
    const batch = await (await server.operator(`/api/batches/${made.batchId}`)).json();
    expect(batch).toMatchObject({ priority: -5, isSealed: false, options: { x: 1 }, counts: { total: 3_500 } });
    const more = await submitted(
      await postLines(server, `/api/batches/${made.batchId}/items?seal=true`, '"item-0"\n\n{"key":"new"}'),
    );
    expect(more).toMatchObject({ added: 1, known: 1, duplicate: 0, verdicts: [{ key: "item-0", verdict: "known" }] });
    expect(await (await server.operator(`/api/batches/${made.batchId}`)).json()).toMatchObject({ isSealed: true });
    expect(await spooled(server)).toEqual([]);
  });
}

test("what ends a line for people, and letters of several bytes, stand in items as they were sent", async () => {
  const server = await startServer();
  const text = "\u2028a\u2029b\u0085c\r\n\u000bd\ud83d\ude00";
  // Longer than what is read at once, with a letter of four bytes over each place where it may be cut.
  const inputs = [text, ...[0, 1, 2, 3].map((shift) => "x".repeat(shift) + "\ud83d\ude00".repeat(40_000))];
  const lines = inputs.map((input, index) => JSON.stringify({ key: `${index}${text.slice(0, 2)}`, input })).join("\n");
  const { batchId, added } = await submitted(await postLines(server, "/api/batches?pipeline=p", lines));
  expect(added).toBe(inputs.length);
  const { items } = await server.milepost.batch(batchId).items();
  expect(items.map(({ key }) => key)).toEqual(inputs.map((_, index) => `${index}${text.slice(0, 2)}`));
  expect(items.map(({ input }) => input)).toEqual(inputs);
});

test("a line that is wrong is named, and nothing of the stream is there", async () => {
  const server = await startServer();
  const good = '{"key":"a"}\n';
  const cases = [
    [`${good}{"key":1}\n${good}`, 422, "line 2"],
    [`${good}\n${good}{"key":"a"`, 400, "line 4"],
    [`${good}{"key":"b","isAdmin":true}`, 422, "line 2"],
    [`${good}{"key":"b","input":{"__proto__":{"x":1}}}`, 422, "line 2"],
    [`${good}{"key":"b","input":[-1e999]}`, 422, "line 2"],
    [`${good}${"[".repeat(5_000)}`, 422, "line 2"],
    [`${good}"${"x".repeat(5_000)}"`, 422, "line 2"],
    [`${good}"${"x".repeat(2_000_000)}"`, 413, "line 2"],
    [Buffer.concat([Buffer.from(good), Buffer.from([0x22, 0xff, 0x22])]), 400, "line 2"],
    ["", 422, "item"],
    ["\n \r\n", 422, "item"],
  ] as const;
  for (const [lines, status, where] of cases) {
    const answer = await postLines(server, "/api/batches?pipeline=p", lines);
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      status,
      expect.stringContaining(where),
    ]);
  }
  const late = new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(`${good.repeat(50_000)}nonsense\n${good.repeat(50_000)}`));
      controller.close();
    },
  });
  expect((await postLines(server, "/api/batches?pipeline=p", late)).status).toBe(400);
  expect(await (await server.operator("/api/batches")).json()).toEqual({ batches: [], nextCursor: null });
  expect(await spooled(server)).toEqual([]);
});

test("query parameters of NDJSON are checked, and do not stand beside a body of JSON", async () => {
  const server = await startServer();
  for (const query of [
    "",
    "?pipeline=p&seal=maybe",
    "?pipeline=p&owner=x",
    "?pipeline=p&priority=highest",
    "?pipeline=p&options={",
  ]) {
    expect((await postLines(server, `/api/batches${query}`, '"a"')).status, query).toBe(400);
  }
  const both = await server.operator("/api/batches?priority=1", {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify({ pipeline: "p", items: ["a"] }),
  });
  expect(both.status).toBe(400);
});

test("a stream over the limit is refused, one that is cut leaves nothing", async () => {
  const server = await startServer({ limits: { streamBytes: 10_000 } });
  expect((await postLines(server, "/api/batches?pipeline=p", manyLines(2_000))).status).toBe(413);
  const socket = await openRaw(server.url);
  socket.write(
    rawHead(server.url, "POST /api/batches?pipeline=p HTTP/1.1", [
      "Content-Type: application/x-ndjson",
      "Content-Length: 1000",
    ]),
  );
  socket.write('"a"\n"b"\n');
  await expect.poll(() => spooled(server), { timeout: 30_000 }).toHaveLength(1);
  socket.destroy();
  await expect.poll(() => spooled(server), { timeout: 30_000 }).toEqual([]);
  expect(await (await server.operator("/api/batches")).json()).toEqual({ batches: [], nextCursor: null });
});

test("what the store could not take stays whole in the spool, and the next server finishes it", async () => {
  const server = await startServer();
  const { milepost, files } = server;
  const submit = milepost.submit.bind(milepost);
  milepost.submit = async () => {
    milepost.submit = submit;
    throw new MilepostError("STORE_UNAVAILABLE", "the store is busy");
  };
  const answer = await postLines(server, "/api/batches?pipeline=p", manyLines(1_503));
  expect([answer.status, answer.headers.has("retry-after")]).toEqual([503, true]);
  expect(await spooled(server)).toHaveLength(1);
  await startServer({ milepost, files });
  expect(await spooled(server)).toEqual([]);
  const { batches } = await milepost.batches();
  expect(batches).toMatchObject([{ isSealed: true, counts: { total: 1_500 } }]);
});
