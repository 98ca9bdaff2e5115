import { describe, expect, test } from "vitest";
import { problemSchema } from "../../src/wire/problem.ts";
import { STORES } from "../support/open-for-test.ts";
import { beginSession } from "./support/begin-session.ts";
import { rawHead, sendRaw } from "./support/raw.ts";
import { startServer, type TestServer } from "./support/start-server.ts";

// The numbers are those of the table of bad input that the API is held to; one row is one or more tests.

const JSON_TYPE = { "content-type": "application/json" };
const ABSENT = "0190a000-0000-7abc-8000-0123456789ab";

/** Posts bytes to where batches are made, as the operator. */
function create(server: TestServer, body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) {
  return server.operator("/api/batches", { method: "POST", headers, body });
}

function withItems(items: unknown, more: object = {}): string {
  return JSON.stringify({ pipeline: "p", items, ...more });
}

/** The name of the problem that an answer is, which must be one. */
async function problemOf(answer: Response): Promise<string> {
  const text = await answer.text();
  expect(answer.headers.get("content-type"), `${answer.status} ${text}`).toContain("application/problem+json");
  const problem = problemSchema.parse(JSON.parse(text));
  expect(problem.status).toBe(answer.status);
  return `${problem.status} ${problem.type.replace("/problems/", "")}`;
}

async function expectNoBatches(server: TestServer): Promise<void> {
  expect(await (await server.operator("/api/batches")).json()).toEqual({ batches: [], nextCursor: null });
}

describe("bodies", () => {
  const MALFORMED = [
    ["1 empty", ""],
    ["1 blank", " \n"],
    ["1 truncated", '{"pipeline":"p","items":["a"'],
    ["1 trailing comma", '{"pipeline":"p","items":["a",]}'],
    ["2 two documents", `${withItems(["a"])}${withItems(["a"])}`],
    ["2 comments", '{"pipeline":"p",/* all */"items":["a"]}'],
    ["2 NaN", '{"pipeline":"p","items":[{"key":"a","size":NaN}]}'],
    ["2 single quotes", "{'pipeline':'p','items':['a']}"],
    ["4 UTF-16", Buffer.from(withItems(["a"]), "utf16le")],
    [
      "4 invalid UTF-8",
      Buffer.concat([Buffer.from('{"pipeline":"p","items":["'), Buffer.from([0xc0, 0xaf]), Buffer.from('"]}')]),
    ],
  ] as const;
  test.each(MALFORMED)("%s: 400 malformed", async (_row, body) => {
    const server = await startServer();
    expect(await problemOf(await create(server, body))).toBe("400 malformed");
    await expectNoBatches(server);
  });

  const deep = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const INVALID = [
    ["5 null", "null"],
    ["5 array", "[]"],
    ["5 number", "7"],
    ["5 string", '"a"'],
    ["6 depth 1,000", deep(1_000)],
    ["6 depth 1,000 in a field", `{"pipeline":"p","items":[{"key":"a","input":${deep(1_000)}}]}`],
    ["7 depth 5,000", deep(5_000)],
    ["7 depth 100,000", deep(100_000)],
    ["7 depth 100,000 of objects, never closed", '{"a":'.repeat(100_000)],
    ["8 a number of 100,000 digits", `{"pipeline":"p","items":["a"],"priority":${"9".repeat(100_000)}}`],
    ["8 the same in an input", `{"pipeline":"p","items":[{"key":"a","input":${"9".repeat(100_000)}}]}`],
    ["23 items missing", '{"pipeline":"p"}'],
    ["23 items null", withItems(null)],
    ["23 items []", withItems([])],
    ["23 items string", withItems("abc")],
    ["23 items object with length", withItems({ length: 1, 0: "a" })],
    ["24 100,001 items", withItems(new Array(100_001).fill("a"))],
    ["25 items with null", withItems(["a", null])],
    ["25 items with 0", withItems([0])],
    ["25 items with arrays", withItems([["a"]])],
    ["31 __proto__ at the top", '{"pipeline":"p","items":["a"],"__proto__":{"isAdmin":true}}'],
    ["31 __proto__ deep inside", '{"pipeline":"p","items":[{"key":"a","input":{"b":[{"__proto__":{"x":1}}]}}]}'],
    ["31 __proto__ in escapes", '{"pipeline":"p","items":["a"],"options":{"\\u005f_proto__":{"x":1}}}'],
    ["31 constructor", '{"pipeline":"p","items":["a"],"options":{"constructor":{"prototype":{"x":1}}}}'],
    ["33 status", withItems(["a"], { status: "completed" })],
    ["33 owner", withItems(["a"], { owner: "session:x" })],
    ["33 ownerId", withItems(["a"], { ownerId: "x" })],
    ["33 isAdmin in an item", withItems([{ key: "a", isAdmin: true }])],
    ["33 id", withItems(["a"], { id: ABSENT })],
    ["34 a kind that is an array", withItems([{ key: "a", kind: ["k"] }])],
    ["35 options of more than 256 KiB", withItems(["a"], { options: "x".repeat(262_145) })],
    ["36 options with NUL", withItems(["a"], { options: { a: "\0" } })],
    ["36 input with a lone surrogate", '{"pipeline":"p","items":[{"key":"a","input":"\\ud800"}]}'],
    ["36 key with NUL", withItems(["a\0b"])],
    ["36 key with a lone surrogate", '{"pipeline":"p","items":["\\udc00"]}'],
    ["38 priority highest", withItems(["a"], { priority: "highest" })],
    ["38 priority 1.5", withItems(["a"], { priority: 1.5 })],
    ["38 priority 1e308", withItems(["a"], { priority: 1e308 })],
    ["38 priority [1]", withItems(["a"], { priority: [1] })],
    ["38 priority true", withItems(["a"], { priority: true })],
    ["38 priority of an item", withItems([{ key: "a", priority: "toString" }])],
    ["39 name of 10 KiB", withItems(["a"], { name: "n".repeat(10_240) })],
    ["39 name with CR LF", withItems(["a"], { name: "a\r\nSet-Cookie: x=1" })],
    ["39 name that is an object", withItems(["a"], { name: { toString: "x" } })],
    ["39 name that is an id", withItems(["a"], { name: ABSENT })],
    ["39 key of 4,097 bytes", withItems(["é".repeat(2_049)])],
  ] as const;
  test.each(STORES)("%s: 422 validation of every row from 5 to 39, and nothing written", async (store) => {
    const server = await startServer({ store });
    for (const [row, body] of INVALID) {
      expect.soft(await problemOf(await create(server, body)), row).toBe("422 validation");
    }
    expect(({} as Record<string, unknown>).isAdmin).toBeUndefined();
    await expectNoBatches(server);
    expect((await create(server, withItems(["a"]))).status).toBe(202);
  });

  test("3: a byte order mark before JSON is passed over", async () => {
    const server = await startServer();
    expect((await create(server, `\uFEFF${withItems(["a"])}`)).status).toBe(202);
    expect(await problemOf(await create(server, `\uFEFF\uFEFF${withItems(["a"])}`))).toBe("400 malformed");
  });

  test("9: 415 media-type for any other kind of content, on every route that takes a body", async () => {
    const server = await startServer();
    const { id } = await server.milepost.submit({ pipeline: "p", items: ["a"] });
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "multipart/form-data; boundary=x",
      "json",
      "a/b/c",
    ]) {
      for (const path of ["/api/batches", `/api/batches/${id}/pause`, `/api/batches/${id}/priority`]) {
        const answer = await server.operator(path, { method: "POST", headers: { "content-type": type }, body: "{}" });
        expect(await problemOf(answer), `${type} ${path}`).toBe("415 media-type");
      }
    }
    const none = await sendRaw(
      server.url,
      `${rawHead(server.url, "POST /api/batches HTTP/1.1", ["Content-Length: 2"])}{}`,
    );
    expect([none.status, none.body]).toEqual([415, expect.stringContaining("/problems/media-type")]);
    const ndjson = await server.operator(`/api/batches/${id}/priority`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: '{"priority":1}',
    });
    expect(await problemOf(ndjson)).toBe("415 media-type");
  });

  test("10: odd parameters of the content type go round no check", async () => {
    const server = await startServer();
    const body = '{"pipeline":"p","items":"abc"}';
    for (const type of [
      "application/json\t; x",
      "application/json;x",
      "application/json ; charset=utf-8",
      "Application/JSON",
      'application/json; charset=x; y="',
      "application/x-ndjson;application/json",
    ]) {
      const head = rawHead(server.url, "POST /api/batches HTTP/1.1", [
        `Content-Type: ${type}`,
        `Content-Length: ${body.length}`,
      ]);
      const { status } = await sendRaw(server.url, head + body);
      expect([400, 415, 422], type).toContain(status);
    }
    await expectNoBatches(server);
  });

  test("11: 415 for a compressed body, unread", async () => {
    const server = await startServer();
    for (const encoding of ["gzip", "deflate", "br", "zstd", "identity, gzip", "x"]) {
      const answer = await create(server, new Uint8Array(1_000), { ...JSON_TYPE, "content-encoding": encoding });
      expect(await problemOf(answer), encoding).toBe("415 media-type");
    }
    expect((await create(server, withItems(["a"]), { ...JSON_TYPE, "content-encoding": "identity" })).status).toBe(202);
  });

  test("12, 13: 413 for a body over 1 MiB, and at once for one that is announced", async () => {
    const server = await startServer();
    const head = (length: string): string =>
      rawHead(server.url, "POST /api/batches HTTP/1.1", ["Content-Type: application/json", length]);
    const body = withItems(["a"], { options: "x".repeat(1_048_576) });
    const sent = await sendRaw(server.url, `${head(`Content-Length: ${body.length}`)}${body}`);
    expect([sent.status, sent.body]).toEqual([413, expect.stringContaining("/problems/too-large")]);
    const chunk = `${(65_536).toString(16)}\r\n${" ".repeat(65_536)}\r\n`;
    expect((await sendRaw(server.url, head("Transfer-Encoding: chunked") + chunk.repeat(17))).status).toBe(413);
    expect((await sendRaw(server.url, head("Content-Length: 10737418240"))).status).toBe(413);
    await expectNoBatches(server);
  });

  test("32: of equal keys the last counts", async () => {
    const server = await startServer();
    const answer = await create(server, '{"pipeline":"p","items":["a"],"name":"first","name":"last"}');
    const { batchId } = (await answer.json()) as { batchId: string };
    expect(await (await server.operator(`/api/batches/${batchId}`)).json()).toMatchObject({ name: "last" });
  });

  test.each(STORES)("37 %s: numbers come back as they are", async (store) => {
    const server = await startServer({ store });
    const numbers = "[9007199254740993,-0,0.30000000000000004,1e300,5e-324]";
    const made = await create(server, `{"pipeline":"p","options":${numbers},"items":[{"key":"a","input":${numbers}}]}`);
    const { batchId } = (await made.json()) as { batchId: string };
    const same = JSON.parse("[9007199254740992,0,0.30000000000000004,1e300,5e-324]");
    expect(await (await server.operator(`/api/batches/${batchId}`)).json()).toMatchObject({ options: same });
    const items = await (await server.operator(`/api/batches/${batchId}/items`)).json();
    expect(items).toMatchObject({ items: [{ input: same }] });
  });
});

describe("requests", () => {
  test("19, 48: 405 with Allow for a method that an address does not have, 404 for no address", async () => {
    const server = await startServer();
    const { id } = await server.milepost.submit({ pipeline: "p", items: ["a"] });
    const cases = [
      ["TRACE /api/batches", 405, "GET, HEAD, POST"],
      ["PROPFIND /api/batches", 405, "GET, HEAD, POST"],
      ["OPTIONS /api/batches", 405, "GET, HEAD, POST"],
      ["PUT /api/queues", 405, "GET, HEAD"],
      [`GET /api/batches/${id}/pause`, 405, "POST"],
      [`GET /api/batches/${id}/cancel?x=1`, 405, "POST"],
      [`PATCH /api/batches/${id}`, 405, "DELETE, GET, HEAD"],
      [`DELETE /api/batches/${id}/items.csv`, 405, "GET, HEAD"],
      ["GET /api/nothing", 404, null],
      ["GET /api/batches/", 400, null],
      ["POST /", 405, "GET, HEAD"],
      ["CONNECT example.org:443", 405, "GET, HEAD, POST, DELETE"],
    ] as const;
    for (const [line, status, allow] of cases) {
      const answer = await sendRaw(
        server.url,
        rawHead(server.url, `${line} HTTP/1.1`, ["X-HTTP-Method-Override: POST"]),
      );
      expect.soft(answer.status, line).toBe(status);
      expect.soft(/\r\nallow: (.*)/i.exec(answer.head)?.[1] ?? null, line).toBe(allow);
    }
    const body = "x".repeat(100);
    const odd = rawHead(server.url, "PUT /api/batches HTTP/1.1", [
      "Content-Type: text/x",
      `Content-Length: ${body.length}`,
    ]);
    expect((await sendRaw(server.url, odd + body)).status).toBe(405);
    expect(await (await server.operator(`/api/batches/${id}`)).json()).toMatchObject({ status: "pending" });
  });

  test("42, 43, 44: an id that is none is malformed, however it is written", async () => {
    const server = await startServer();
    const odd = [
      "..%2f",
      "%00",
      "%zz",
      "%c0%ae",
      "%ff",
      "__proto__",
      "'%20OR%20'1'='1",
      "*",
      "a".repeat(10_000),
      `${ABSENT}0`,
      " ",
    ];
    for (const id of odd) {
      for (const end of ["", "/items", "/items.csv", "/failures"]) {
        const { status, body } = await sendRaw(
          server.url,
          rawHead(server.url, `GET /api/batches/${encodeSpace(id)}${end} HTTP/1.1`),
        );
        expect([400, 404, 414], `${id.slice(0, 30)}${end} ${status}`).toContain(status);
        expect(body, id.slice(0, 30)).toContain('"type":"/problems/');
      }
    }
    const upper = await server.milepost.submit({ pipeline: "p", items: ["a"] });
    expect((await server.operator(`/api/batches/${upper.id.toUpperCase()}`)).status).toBe(200);
    expect((await server.operator("/api/batches/00000000-0000-0000-0000-000000000000")).status).toBe(404);
    expect((await server.operator("/api/queues/%00")).status).toBe(400);
    expect((await server.operator(`/api/queues/${"q".repeat(600)}`)).status).toBe(400);
    expect((await server.operator("/api/queues/..%2f..%2fetc")).status).toBe(404);
  });

  test("45, 46: without a cookie, with a forged one, with junk: the same as absent", async () => {
    const server = await startServer();
    const session = await beginSession(server);
    const { id } = await server.milepost.submit({ pipeline: "p", owner: session.owner, items: ["a"] });
    const own = await session.fetch(`/api/batches/${id}`);
    expect(own.status).toBe(200);
    const [name, value = ""] = session.cookie.split("=");
    const other = (character: string | undefined): string => (character === "A" ? "B" : "A");
    const forged = [
      `${value.slice(0, -2)}${other(value.at(-2))}${value.at(-1)}`,
      `${other(value.at(0))}${value.slice(1)}`,
      "junk",
      "",
      "a.b.c.d",
      "%zz",
      "\u00ff",
    ];
    const absent = await (await session.fetch(`/api/batches/${ABSENT}`)).text();
    for (const cookie of forged) {
      const answer = await server.fetch(`/api/batches/${id}`, { headers: { cookie: `${name}=${cookie}` } });
      expect([answer.status, await answer.text()], cookie).toEqual([404, absent]);
      expect(answer.headers.get("set-cookie")).toBeNull();
    }
  });

  test("51, 53, 54: limits and parameters that are none", async () => {
    const server = await startServer();
    const { id } = await server.milepost.submit({ pipeline: "p", items: ["a"] });
    const odd = [
      "limit=0",
      "limit=-1",
      "limit=1e9",
      "limit=abc",
      "limit=1&limit=2",
      "limit=1.5",
      "limit=",
      "limit=1001",
      "sort=__proto__",
      "order=;drop",
      "__proto__=1",
      "constructor=x",
      "state=nothing",
      "status=nothing",
      "error=%00",
    ];
    for (const query of odd) {
      for (const path of ["/api/batches", `/api/batches/${id}/items`]) {
        const answer = await server.operator(`${path}?${query}`);
        expect(await problemOf(answer), query.slice(0, 40)).toBe("400 malformed");
      }
    }
    expect((await server.operator(`/api/batches/${id}/items.csv?limit=1`)).status).toBe(400);
    const many = Array.from({ length: 2_000 }, (_, index) => `p${index}=1`).join("&");
    expect(await problemOf(await server.operator(`/api/batches?${many}`))).toBe("414 uri");
  });

  test("52: a cursor that is none, or another list's", async () => {
    const server = await startServer();
    const submit = () => server.milepost.submit({ pipeline: "p", items: ["a", "b", "c"] });
    const [one, other] = [await submit(), await submit()];
    const cursorOf = async (path: string): Promise<string> =>
      ((await (await server.operator(path)).json()) as { nextCursor: string }).nextCursor;
    const items = await cursorOf(`/api/batches/${one.id}/items?limit=1`);
    const batches = await cursorOf("/api/batches?limit=1");
    const odd = [
      `/api/batches/${other.id}/items?cursor=${items}`,
      `/api/batches/${one.id}/items?cursor=${items}&state=pending`,
      `/api/batches/${one.id}/items?cursor=${batches}`,
      `/api/batches?cursor=${items}`,
      `/api/batches?cursor=${batches}&queue=p`,
      ...["garbage", "", "%00", "..", `${items}x`, items.slice(1), one.id, "A".repeat(32), "A".repeat(5_000)].map(
        (cursor) => `/api/batches/${one.id}/items?cursor=${cursor}`,
      ),
    ];
    for (const path of odd) expect(await problemOf(await server.operator(path)), path).toBe("400 malformed");
    expect((await server.operator(`/api/batches/${one.id}/items?cursor=${items}`)).status).toBe(200);
    expect((await server.operator(`/api/batches?cursor=${batches}`)).status).toBe(200);
  });
});

describe("Idempotency-Key", () => {
  test("40: another body under the same key is 422 validation", async () => {
    const server = await startServer();
    const send = (body: string) => create(server, body, { ...JSON_TYPE, "idempotency-key": "k" });
    expect((await send(withItems(["a"]))).status).toBe(202);
    expect(await problemOf(await send(withItems(["b"])))).toBe("422 validation");
    expect(await problemOf(await send(withItems(["a"], { name: "n" })))).toBe("422 validation");
  });

  test("41: a key that is empty, of 10 KiB, binary or given twice is malformed", async () => {
    const server = await startServer();
    const body = withItems(["a"]);
    const lines = [
      "Idempotency-Key:",
      "Idempotency-Key:  ",
      `Idempotency-Key: ${"k".repeat(10_240)}`,
      "Idempotency-Key: \xff\xfe",
      "Idempotency-Key: a\tb",
      "Idempotency-Key: a\r\nIdempotency-Key: b",
    ];
    for (const line of lines) {
      const head = rawHead(server.url, "POST /api/batches HTTP/1.1", [
        "Content-Type: application/json",
        line,
        `Content-Length: ${body.length}`,
      ]);
      const { status, body: text } = await sendRaw(server.url, Buffer.from(head + body, "latin1"));
      expect([status, text], line.slice(0, 30)).toEqual([400, expect.stringContaining("/problems/malformed")]);
    }
    await expectNoBatches(server);
  });
});

describe("controls", () => {
  test.each(STORES)("49, 50 %s: again is 200 and changes nothing; what cannot be is 409", async (store) => {
    const server = await startServer({ store });
    const { id, batch } = await server.milepost.submit({ pipeline: "p", items: ["a", "b"] });
    const [item] = (await batch.items()).items;
    const give = async (path: string, body?: object): Promise<readonly [number, unknown]> => {
      const answer = await server.operator(`/api/batches/${id}${path}`, {
        method: path === "" ? "DELETE" : "POST",
        ...(body !== undefined && { headers: JSON_TYPE, body: JSON.stringify(body) }),
      });
      return [answer.status, ((await answer.json()) as { changed?: number }).changed];
    };
    expect(await give("/pause")).toEqual([200, 1]);
    expect(await give("/pause", {})).toEqual([200, 0]);
    expect(await give("/stop")).toEqual([200, 1]);
    expect(await give("/stop")).toEqual([200, 0]);
    expect(await give("/resume")).toEqual([200, 1]);
    expect(await give("/resume")).toEqual([200, 0]);
    expect(await give("/seal")).toEqual([200, 0]);
    expect(await give("/priority", { priority: "low" })).toEqual([200, 1]);
    expect(await give("/priority", { priority: 10 })).toEqual([200, 0]);
    expect(await give(`/items/${item?.id}/hold`)).toEqual([200, 1]);
    expect(await give(`/items/${item?.id}/hold`)).toEqual([200, 0]);
    expect(await give(`/items/${item?.id}/unhold`)).toEqual([200, 1]);
    expect(await give(`/items/${item?.id}/retry`)).toEqual([200, 0]);
    expect(await give(`/items/${item?.id}/cancel`)).toEqual([200, 1]);
    expect(await give(`/items/${item?.id}/cancel`)).toEqual([200, 0]);
    expect(await give(`/items/${item?.id}/hold`)).toEqual([409, undefined]);
    expect(await give(`/items/${item?.id}/retry`)).toEqual([200, 1]);
    expect(await give("/cancel")).toEqual([200, 2]);
    expect(await give("/cancel")).toEqual([200, 0]);
    expect(await give("/retry", { failed: true })).toEqual([200, 0]);
    expect(await give("/retry")).toEqual([200, 2]);
    expect(await give("/retry", { failed: 1 })).toEqual([422, undefined]);
    expect(await give("/pause", { now: true })).toEqual([422, undefined]);
    expect(await give("/cancel")).toEqual([200, 2]);
    expect(await give("/pause")).toEqual([409, undefined]);
    expect(await give("")).toEqual([200, 2]);
    expect(await give("/cancel")).toEqual([404, undefined]);
  });
});

test.each(STORES)("50 %s: what is completed is neither cancelled nor tried again", async (store) => {
  const server = await startServer({ store });
  server.milepost.pipeline("p", () => null);
  const { id, batch } = await server.milepost.submit({ pipeline: "p", items: ["a"] });
  await server.milepost.work();
  await batch.done();
  const [item] = (await batch.items()).items;
  for (const end of [
    "/cancel",
    "/pause",
    "/stop",
    `/items/${item?.id}/cancel`,
    `/items/${item?.id}/retry`,
    `/items/${item?.id}/hold`,
  ]) {
    const answer = await server.operator(`/api/batches/${id}${end}`, { method: "POST" });
    expect(await problemOf(answer), end).toBe("409 conflict");
  }
  expect(await batch.snapshot()).toMatchObject({ status: "completed", counts: { completed: 1 } });
});

function encodeSpace(text: string): string {
  return text.replaceAll(" ", "%20");
}
