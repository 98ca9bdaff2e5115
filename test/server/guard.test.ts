import { describe, expect, test, vi } from "vitest";
import { problemSchema } from "../../src/wire/problem.ts";
import { exchange, openRaw, statusOf } from "./support/raw-socket.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

const PATH = "/api/batches/018f0000-0000-7000-8000-000000000000";

const OPERATOR = `Authorization: Bearer ${TOKEN}`;

/** A request whose answer closes the connection. */
function get(host: string, ...headers: readonly string[]): string {
  return `${[`GET ${PATH} HTTP/1.1`, `Host: ${host}`, ...headers, "Connection: close"].join("\r\n")}\r\n\r\n`;
}

describe("hosts", () => {
  test("row 15: two Host headers or none are malformed", async () => {
    const { url } = await startServer();
    const { host } = new URL(url);
    expect(statusOf(await exchange(url, get(host, `Host: ${host}`)))).toBe(400);
    expect(statusOf(await exchange(url, `GET ${PATH} HTTP/1.1\r\nConnection: close\r\n\r\n`))).toBe(400);
    expect(statusOf(await exchange(url, `GET ${PATH} HTTP/1.0\r\n\r\n`))).toBe(400);
  });

  test("row 16: a name of another server is refused, before anything is looked for", async () => {
    const { url } = await startServer({ allowedHosts: ["Milepost.example", "other.example:8080"] });
    const { port } = new URL(url);
    const statusFor = async (host: string): Promise<number> => statusOf(await exchange(url, get(host)));
    const refused = [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "",
      "localhost:7077:1",
      "127.0.0.2",
    ];
    for (const host of [...refused, "other.example", "other.example:80", "localhost@evil.example", "127.0.0.1, x"]) {
      expect([host, await statusFor(host)]).toEqual([host, 403]);
    }
    const own = [`127.0.0.1:${port}`, "127.0.0.1:9999", `localhost:${port}`, "LOCALHOST", "milepost.example:443"];
    for (const host of [...own, "other.example:8080"]) expect([host, await statusFor(host)]).toEqual([host, 404]);
    expect(await exchange(url, get("evil.example"))).toContain('"/problems/host"');
  });
});

describe("other sites", () => {
  const statusOfPost = async (server: Awaited<ReturnType<typeof startServer>>, headers: Record<string, string>) => {
    const answer = await server.fetch(`${PATH}/pause`, { method: "POST", headers });
    return { status: answer.status, type: problemSchema.parse(await answer.json()).type };
  };

  test("row 47: what a page of another site would change is refused; reading is the browser's business", async () => {
    const server = await startServer({ allowedHosts: ["milepost.example"] });
    const { host, port } = new URL(server.url);
    const refused: readonly Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://localhost:${Number(port) + 1}` },
      { origin: `http://${host}.evil.example` },
      { origin: `http://evil.example/@${host}` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site", origin: `http://${host}` },
      { "sec-fetch-site": "cross-site", authorization: `Bearer ${TOKEN}` },
    ];
    for (const headers of refused) {
      expect([headers, await statusOfPost(server, headers)]).toEqual([
        headers,
        { status: 403, type: "/problems/cross-site" },
      ]);
    }
    const accepted: readonly Record<string, string>[] = [
      {},
      { origin: `http://${host}` },
      { origin: "https://milepost.example" },
      { "sec-fetch-site": "same-origin", origin: "https://anything.example" },
      { "sec-fetch-site": "none" },
    ];
    for (const headers of accepted) {
      const { status } = await statusOfPost(server, headers);
      expect([headers, status]).not.toEqual([headers, 403]);
    }
    const read = await server.fetch(PATH, {
      headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    });
    expect(read.status).toBe(404);
    expect(read.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("every answer keeps browsers from doing more with it than show it", async () => {
    const { fetch } = await startServer();
    const { headers } = await fetch(PATH);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'self';script-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("cache-control")).toBe("no-store");
    expect([headers.get("x-powered-by"), headers.get("strict-transport-security")]).toEqual([null, null]);
  });

  test("under TLS, as the trusted proxy tells, browsers are told to stay with it", async () => {
    const { fetch } = await startServer({ trustProxy: true });
    const secure = await fetch(PATH, { headers: { "x-forwarded-proto": "https" } });
    expect(secure.headers.get("strict-transport-security")).toContain("max-age=");
    const untrusting = await startServer();
    const plain = await untrusting.fetch(PATH, { headers: { "x-forwarded-proto": "https" } });
    expect(plain.headers.get("strict-transport-security")).toBeNull();
  });
});

describe("bounds of a request", () => {
  test("row 13: a body that is announced as too long is refused at once", async () => {
    const { url } = await startServer();
    const { host } = new URL(url);
    const headers = `Host: ${host}\r\n${OPERATOR}\r\nContent-Type: application/json\r\nContent-Length: 10737418240`;
    const answer = await exchange(url, `POST /api/batches HTTP/1.1\r\n${headers}\r\n\r\n`);
    expect(statusOf(answer)).toBe(413);
  });

  test("row 14: what could be read in two ways is refused and the connection closed", async () => {
    const { url } = await startServer();
    const { host } = new URL(url);
    const framings = [
      "Content-Length: 5\r\nTransfer-Encoding: chunked",
      "Content-Length: 5\r\nContent-Length: 6",
      "Content-Length: -1",
      "Transfer-Encoding: rot13",
      "Transfer-Encoding: gzip, chunked",
    ];
    for (const framing of framings) {
      const body = "5\r\nhello\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
      const answers = await exchange(url, `POST ${PATH} HTTP/1.1\r\nHost: ${host}\r\n${framing}\r\n\r\n${body}`);
      expect([framing, answers.match(/^HTTP\/1\.1 \d+/gm)]).toEqual([framing, ["HTTP/1.1 400"]]);
    }
  });

  test("row 17: headers of 20 KiB and 5,000 headers are too much", async () => {
    const { url } = await startServer();
    const { host } = new URL(url);
    expect(statusOf(await exchange(url, get(host, `X-Long: ${"x".repeat(20_480)}`)))).toBe(431);
    const many = Array.from({ length: 5_000 }, (_, index) => `X-${index}: y`);
    expect(statusOf(await exchange(url, get(host, ...many)))).toBe(431);
  });

  test("row 18: a long address is refused", async () => {
    const { url, fetch } = await startServer();
    const { host } = new URL(url);
    const long = await fetch(`${PATH}?cursor=${"x".repeat(9_000)}`);
    expect([long.status, problemSchema.parse(await long.json()).type]).toEqual([414, "/problems/uri"]);
    const text = `GET /${"x".repeat(40_960)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    expect([414, 431]).toContain(statusOf(await exchange(url, text)));
  });

  test("row 19: nobody is connected through", async () => {
    const { url } = await startServer();
    const answer = await exchange(url, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
    expect(statusOf(answer)).toBe(405);
  });

  test("row 20: slow headers, slow bodies and silence are ended", async () => {
    const { url } = await startServer({ limits: { headersTimeoutMs: 150, bodyTimeoutMs: 150 } });
    const { host } = new URL(url);
    const post = `POST /api/batches HTTP/1.1\r\nHost: ${host}\r\n${OPERATOR}\r\nContent-Length: 100\r\nContent-Type: `;
    const [silence, headers, json, upload] = await Promise.all([
      exchange(url, ""),
      exchange(url, `GET ${PATH} HTTP/1.1\r\nHost: ${host}\r\n`),
      exchange(url, `${post}application/json\r\n\r\n{"a":`),
      exchange(url, `${post}multipart/form-data; boundary=x\r\n\r\n--x`),
    ]);
    expect(silence === "" || statusOf(silence) === 408).toBe(true);
    expect(statusOf(headers)).toBe(408);
    expect(statusOf(json)).toBe(408);
    // The answer comes before the body; the connection does not stay open for that all the same.
    expect(statusOf(upload)).toBe(415);
  });

  test("row 21: 500 connections that never finish their requests hinder nobody", async () => {
    const { url, fetch } = await startServer();
    const half = await Promise.all(Array.from({ length: 500 }, () => openRaw(url)));
    for (const raw of half) raw.send(`GET ${PATH} HTTP/1.1\r\nHost: x`);
    expect((await fetch(PATH)).status).toBe(404);
  });

  test("row 22: 300 requests at once over one connection are all answered, in order", async () => {
    const { url } = await startServer();
    const { host } = new URL(url);
    const raw = await openRaw(url);
    const paths = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? PATH : `/none-${index}`));
    raw.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(""));
    const text = await raw.until((seen) => seen.split("HTTP/1.1 404").length === 301);
    const kinds = [...text.matchAll(/no such (batch|address)/g)].map((match) => match[1]);
    expect(kinds).toEqual(paths.map((path) => (path === PATH ? "batch" : "address")));
  });

  test("a connection is closed after so many requests, and one address has only so many connections", async () => {
    const { url } = await startServer({ limits: { requestsPerConnection: 2, connectionsPerAddress: 3 } });
    const { host } = new URL(url);
    const answers = await exchange(url, `GET ${PATH} HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(3));
    expect(answers.split("HTTP/1.1 404").length - 1).toBe(2);
    await Promise.all([openRaw(url), openRaw(url), openRaw(url)]);
    const fourth = await openRaw(url);
    expect(await fourth.closed).toBe("");
  });
});

describe("too many requests", () => {
  const from = (address: string) => ({ "x-forwarded-for": address });

  test("an address is told when to come back; the operator and this machine itself are not counted", async () => {
    const { fetch, operator } = await startServer({ trustProxy: true, limits: { requestsPerMinute: 3 } });
    const statuses: number[] = [];
    const headers = from("10.0.0.1");
    for (let count = 0; count < 4; count++) statuses.push((await fetch(PATH, { headers })).status);
    expect(statuses).toEqual([404, 404, 404, 429]);
    for (let count = 0; count < 5; count++) expect((await fetch(PATH)).status).toBe(404);
    const wrong = await fetch("/nowhere", { headers: { ...headers, authorization: "Bearer wrong" } });
    expect(Number(wrong.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(problemSchema.parse(await wrong.json())).toMatchObject({ type: "/problems/rate-limited", status: 429 });
    expect((await operator(PATH, { headers })).status).toBe(404);
  });

  test("an address that a client makes up is believed nowhere, and behind a proxy only the proxy's own entry", async () => {
    const statusesFor = async (addressesOf: (count: number) => string): Promise<number[]> => {
      const { fetch } = await startServer({ trustProxy: true, limits: { requestsPerMinute: 2 } });
      const statuses: number[] = [];
      for (let count = 0; count < 3; count++) {
        statuses.push((await fetch(PATH, { headers: from(addressesOf(count)) })).status);
      }
      return statuses;
    };
    expect(await statusesFor((count) => `10.0.0.${count}, 10.9.9.9`)).toEqual([404, 404, 429]);
    expect(await statusesFor((count) => `10.9.9.9, 10.0.0.${count}`)).toEqual([404, 404, 404]);
    // An IPv6 customer has a whole /64.
    expect(await statusesFor((count) => `2001:db8::${count}`)).toEqual([404, 404, 429]);
    const lines: string[] = [];
    const { fetch } = await startServer({ log: { write: (line) => void lines.push(line) } });
    await fetch(PATH, { headers: from("10.0.0.1") });
    await vi.waitFor(() => expect(lines.join("")).toContain('"address":"127.0.0.1"'));
  });
});
