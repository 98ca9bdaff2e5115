import cookie from "@fastify/cookie";
import fastify from "fastify";
import { expect, test } from "vitest";
import { Callers } from "../../src/server/callers.ts";
import { answerError } from "../../src/server/problems.ts";
import { SERVER_LIMITS } from "../../src/server/settings.ts";

const HOUR_MS = 3_600_000;
const LIMITS = { ...SERVER_LIMITS, sessionIdleMs: 10 * HOUR_MS, sessionMaxMs: 24 * HOUR_MS, sessionsPerHour: 2 };

/** A server with two routes: one that begins a session, one that tells whose request it is. */
async function startCallers(trustProxy = false) {
  const clock = { now: 1_800_000_000_000 };
  const secret = Buffer.alloc(32, 7);
  const callers = new Callers({ secret, token: "the-operators-token", limits: LIMITS, now: () => clock.now });
  const app = fastify({ trustProxy });
  await app.register(cookie);
  app.setErrorHandler(answerError);
  app.addHook("onRequest", async (request, reply) => callers.renew(request, reply));
  app.post("/begin", async (request, reply) => callers.ensureOwner(request, reply));
  app.get("/who", async (request) => callers.of(request));
  const call = async (method: "GET" | "POST", url: string, sent?: string, headers: Record<string, string> = {}) => {
    const answer = await app.inject({ method, url, headers: { ...headers, ...(sent && { cookie: sent }) } });
    const set = String(answer.headers["set-cookie"] ?? "");
    return { status: answer.statusCode, text: answer.body, set, cookie: set.split(";")[0] ?? "", answer };
  };
  return { clock, call };
}

const kindOf = ({ text }: { readonly text: string }): unknown => JSON.parse(text).kind;

test("a session begins with a request that changes something and is known by its cookie alone", async () => {
  const { call } = await startCallers();
  const begun = await call("POST", "/begin");
  expect(begun.text).toMatch(/^session:[0-9a-f]{64}$/);
  expect(begun.set).toMatch(/^milepost_session=[^;]+; Max-Age=36000; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(JSON.parse((await call("GET", "/who", begun.cookie)).text)).toEqual({ kind: "session", owner: begun.text });
  expect((await call("POST", "/begin", begun.cookie)).text).toBe(begun.text);
});

test("row 46: no cookie, junk and forged cookies are nobody's", async () => {
  const { call } = await startCallers();
  const { cookie: good } = await call("POST", "/begin");
  const [id, begun, seen, signature] = good.split(/[.=]/).slice(1);
  const forged = [
    "milepost_session=",
    "milepost_session=junk",
    "milepost_session=%00%ff",
    `milepost_session=${"x".repeat(4_000)}`,
    `milepost_session=${id}.${begun}.${seen}.${signature?.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`,
    `milepost_session=${id}.${begun}.zzzzzzzz.${signature}`,
    `milepost_session=${id}.${begun}.${seen}`,
    `milepost_session=${id}.${begun}.${seen}.${signature}.x`,
    `__Host-${good}`,
  ];
  for (const sent of forged) expect([sent, kindOf(await call("GET", "/who", sent))]).toEqual([sent, "nobody"]);
  expect(kindOf(await call("GET", "/who", good))).toBe("session");
});

test("a session that is used goes on, one that is not is forgotten, and none lasts for ever", async () => {
  const { clock, call } = await startCallers();
  const first = await call("POST", "/begin");
  clock.now += HOUR_MS / 2;
  expect((await call("GET", "/who", first.cookie)).set).toBe("");
  clock.now += 9 * HOUR_MS;
  const renewed = await call("GET", "/who", first.cookie);
  expect(renewed.cookie).not.toBe(first.cookie);
  clock.now += 9 * HOUR_MS;
  expect(kindOf(await call("GET", "/who", first.cookie))).toBe("nobody");
  const again = await call("GET", "/who", renewed.cookie);
  expect(JSON.parse(again.text)).toEqual({ kind: "session", owner: first.text });
  expect(again.set).toContain(`Max-Age=${5.5 * 3_600}`);
  clock.now += 6 * HOUR_MS;
  expect(kindOf(await call("GET", "/who", again.cookie))).toBe("nobody");
});

test("under TLS the cookie goes over TLS alone", async () => {
  const { call } = await startCallers(true);
  const https = { "x-forwarded-proto": "https" };
  const begun = await call("POST", "/begin", undefined, https);
  expect(begun.set).toMatch(/^__Host-milepost_session=[^;]+; Max-Age=36000; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  expect(kindOf(await call("GET", "/who", begun.cookie, https))).toBe("session");
  expect(kindOf(await call("GET", "/who", begun.cookie.replace("__Host-", ""), https))).toBe("nobody");
});

test("an address begins only so many sessions an hour", async () => {
  const { clock, call } = await startCallers();
  await call("POST", "/begin");
  await call("POST", "/begin");
  clock.now += HOUR_MS / 2;
  const third = await call("POST", "/begin");
  expect([third.status, third.set, third.answer.headers["retry-after"]]).toEqual([429, "", "1800"]);
  clock.now += HOUR_MS / 2;
  expect((await call("POST", "/begin")).status).toBe(200);
});
