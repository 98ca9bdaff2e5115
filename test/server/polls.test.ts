import { request } from "node:http";
import { expect, test } from "vitest";
import { startServer, TOKEN } from "./support/start-server.ts";

interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Exactly these headers and none of fetch's: the same call is the same request. */
function get(url: string, headers: Readonly<Record<string, string>>): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    call.on("error", reject);
    call.end();
  });
}

/** Without what every answer has of its own. */
function steady({ status, headers: { date: _date, ...headers }, body }: RawAnswer): object {
  return { status, headers, body };
}

const AUTHORIZATION = { authorization: `Bearer ${TOKEN}` };

/** How many polls were answered before they were routed. */
async function repeatedIn(operator: (path: string) => Promise<Response>): Promise<number> {
  const text = await (await operator("/metrics")).text();
  const counts = [...text.matchAll(/^milepost_http_polls_repeated_total\{.*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

test("a repeated poll is answered alike, header for header, and sees every commit at once", async () => {
  const { milepost, url, operator } = await startServer({ store: "sqlite" });
  const { batch, id } = await milepost.submit({ pipeline: "nobody's", items: ["a", "b"] });
  const poll = `${url}/api/batch-status/${id}`;
  const first = await get(poll, AUTHORIZATION);
  expect(first.status).toBe(200);
  for (let count = 0; count < 5; count++) expect(steady(await get(poll, AUTHORIZATION))).toEqual(steady(first));
  expect(await repeatedIn(operator)).toBeGreaterThan(0);

  const asked = { ...AUTHORIZATION, "if-none-match": String(first.headers.etag) };
  const [known, again] = [await get(poll, asked), await get(poll, asked)];
  expect(known.status).toBe(304);
  expect(steady(again)).toEqual(steady(known));

  for (let turn = 1; turn <= 10; turn++) {
    const before = (await get(poll, AUTHORIZATION)).headers.etag;
    await (turn % 2 === 0 ? batch.resume() : batch.pause());
    const after = await get(poll, AUTHORIZATION);
    expect(JSON.parse(after.body)).toMatchObject({ status: turn % 2 === 0 ? "pending" : "paused" });
    expect(after.headers.etag).not.toBe(before);
  }
  await batch.cancel();
  await batch.remove();
  expect((await get(poll, AUTHORIZATION)).status).toBe(404);
});

test("what one caller is told is told to no other", async () => {
  const { milepost, url } = await startServer();
  const { id } = await milepost.submit({ pipeline: "nobody's", items: ["a"] });
  const poll = `${url}/api/batch-status/${id}`;
  for (let count = 0; count < 3; count++) expect((await get(poll, AUTHORIZATION)).status).toBe(200);
  expect((await get(poll, {})).status).toBe(404);
  expect((await get(poll, { cookie: "milepost_session=forged" })).status).toBe(404);
  expect((await get(poll, { ...AUTHORIZATION, host: "evil.example" })).status).toBe(403);
  expect((await get(poll, { authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
  expect((await get(poll, AUTHORIZATION)).status).toBe(200);
});

test("repeated polls count like any other requests", async () => {
  const { url, fetch } = await startServer({ trustProxy: true, limits: { requestsPerMinute: 6 } });
  const far = { "x-forwarded-for": "10.0.0.1" };
  const form = new FormData();
  form.append("files", new Blob([Buffer.from("\x89PNG\r\n\x1a\n ", "latin1")]), "a.png");
  const uploaded = await fetch("/api/uploads", { method: "POST", body: form });
  const cookie = uploaded.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const { files } = (await uploaded.json()) as { readonly files: readonly { readonly fileId: string }[] };
  const accepted = await fetch("/api/process-batch", {
    method: "POST",
    headers: { cookie, "content-type": "application/json" },
    body: JSON.stringify({ fileIds: files.map(({ fileId }) => fileId) }),
  });
  const poll = `${url}${accepted.headers.get("location")}`;
  const statuses: number[] = [];
  for (let count = 0; count < 8; count++) statuses.push((await get(poll, { ...far, cookie })).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
});
