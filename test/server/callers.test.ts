import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { expect, test } from "vitest";
import { Callers } from "../../src/server/callers.ts";
import { answerError } from "../../src/server/problems.ts";
import { SERVER_LIMITS } from "../../src/server/settings.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const TOKEN = "the-operators-token";
const LIMITS = { ...SERVER_LIMITS, sessionIdleMs: 10 * HOUR_MS, sessionMaxMs: 24 * HOUR_MS, sessionsPerHour: 2 };

/** A server with two routes: one that begins a session, one that tells whose request it is. */
async function startCallers({
  trustProxy = false,
  files = temporaryFolder(),
  clock = { now: 1_800_000_000_000 },
} = {}) {
  const secret = Buffer.alloc(32, 7);
  const callers = new Callers({ secret, files, token: TOKEN, limits: LIMITS, now: () => clock.now });
  const app = fastify({ trustProxy });
  await app.register(cookie);
  app.setErrorHandler(answerError);
  app.addHook("onRequest", async (request, reply) => callers.renew(request, reply) ?? undefined);
  app.post("/begin", async (request, reply) => callers.ensureOwner(request, reply));
  app.get("/who", async (request) => callers.of(request));
  const call = async (method: "GET" | "POST", url: string, sent?: string, headers: Record<string, string> = {}) => {
    const answer = await app.inject({ method, url, headers: { ...headers, ...(sent && { cookie: sent }) } });
    const set = String(answer.headers["set-cookie"] ?? "");
    return { status: answer.statusCode, text: answer.body, set, cookie: set.split(";")[0] ?? "", answer };
  };
  return { clock, files, call, sweep: () => callers.sweep() };
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
  const [id, begun, issued, rank, signature] = good.split(/[.=]/).slice(1);
  const forged = [
    "milepost_session=",
    "milepost_session=junk",
    "milepost_session=%00%ff",
    `milepost_session=${"x".repeat(4_000)}`,
    `milepost_session=${id}.${begun}.${issued}.${rank}.${signature?.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`,
    `milepost_session=${id}.${begun}.zzzzzzzz.${rank}.${signature}`,
    `milepost_session=${id}.${begun}.${issued}.1.${signature}`,
    `milepost_session=${id}.${begun}.${issued}.${rank}`,
    `milepost_session=${id}.${begun}.${issued}.${rank}.${signature}.x`,
    `milepost_session=${"\0".repeat(3)}.${begun}.${issued}.${rank}.${signature}`,
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

/** A session whose cookie is old enough to be replaced, and what it is replaced by. */
async function renewed(start: Awaited<ReturnType<typeof startCallers>>) {
  const old = await start.call("POST", "/begin");
  start.clock.now += 2 * HOUR_MS;
  return { owner: old.text, old: old.cookie, new: (await start.call("GET", "/who", old.cookie)).cookie };
}

test("a renewed cookie has another secret and the same owner; used once, it replaces the old one after a minute", async () => {
  const start = await startCallers();
  const { clock, call, files } = start;
  const cookies = await renewed(start);
  expect(cookies.new).not.toBe(cookies.old);
  expect(readdirSync(files)).toEqual([]);
  expect(JSON.parse((await call("GET", "/who", cookies.new)).text)).toEqual({ kind: "session", owner: cookies.owner });
  clock.now += MINUTE_MS;
  expect(kindOf(await call("GET", "/who", cookies.old))).toBe("session");
  clock.now += 1;
  const late = await call("GET", "/who", cookies.old);
  expect([kindOf(late), late.set]).toEqual(["nobody", ""]);
  expect(kindOf(await call("GET", "/who", cookies.new))).toBe("session");
  const [name = "", ...others] = readdirSync(join(files, "sessions"));
  expect([`session:${name}`, others]).toEqual([cookies.owner, []]);
  expect(readFileSync(join(files, "sessions", name), "utf8")).toMatch(/^[{}":,\da-zA-Z]+$/);
});

test("an answer that is lost costs nobody the session: the old cookie holds until the new one comes back", async () => {
  const start = await startCallers();
  const cookies = await renewed(start);
  start.clock.now += 5 * HOUR_MS;
  const again = await start.call("GET", "/who", cookies.old);
  expect([kindOf(again), again.set === ""]).toEqual(["session", false]);
});

test("requests at the same moment, before and after it is replaced, are all the session's", async () => {
  const start = await startCallers();
  const cookies = await renewed(start);
  start.clock.now += HOUR_MS;
  const sent = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? cookies.old : cookies.new));
  const answers = await Promise.all(sent.map((cookie) => start.call("GET", "/who", cookie)));
  for (const { text } of answers) expect(JSON.parse(text)).toEqual({ kind: "session", owner: cookies.owner });
  // Of those that the answers set, whichever the browser took last goes on.
  start.clock.now += HOUR_MS;
  const last = answers.findLast(({ set }) => set !== "")?.cookie;
  expect(kindOf(await start.call("GET", "/who", last))).toBe("session");
});

test("what is replaced stays so after a restart, and is known to another server of the folder soon", async () => {
  const start = await startCallers();
  const other = await startCallers(start);
  const cookies = await renewed(start);
  expect(kindOf(await other.call("GET", "/who", cookies.old))).toBe("session");
  await start.call("GET", "/who", cookies.new);
  start.clock.now += MINUTE_MS + 1;
  expect(kindOf(await other.call("GET", "/who", cookies.old))).toBe("nobody");
  const restarted = await startCallers(start);
  expect(kindOf(await restarted.call("GET", "/who", cookies.old))).toBe("nobody");
  expect(kindOf(await restarted.call("GET", "/who", cookies.new))).toBe("session");
});

test("the first time that somebody shows the operator's token, the session beside it gets another cookie", async () => {
  const { call } = await startCallers();
  const authorization = `Bearer ${TOKEN}`;
  const begun = await call("POST", "/begin");
  expect((await call("GET", "/who", begun.cookie)).set).toBe("");
  const signedIn = await call("GET", "/who", begun.cookie, { authorization });
  expect([kindOf(signedIn), signedIn.cookie === ""]).toEqual(["operator", false]);
  expect((await call("GET", "/who", signedIn.cookie, { authorization })).set).toBe("");
  expect(JSON.parse((await call("GET", "/who", signedIn.cookie)).text)).toEqual({ kind: "session", owner: begun.text });
});

test("what is kept of cookies goes when none of them could be used any more; a folder that is none refuses nobody", async () => {
  const start = await startCallers();
  const cookies = await renewed(start);
  await start.call("GET", "/who", cookies.new);
  const folder = join(start.files, "sessions");
  await start.sweep();
  const [name = ""] = readdirSync(folder);
  const long = (Date.now() - LIMITS.sessionIdleMs) / 1_000 - 1;
  utimesSync(join(folder, name), long, long);
  await start.sweep();
  expect(readdirSync(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "");
  const restarted = await startCallers(start);
  expect(kindOf(await restarted.call("GET", "/who", cookies.new))).toBe("session");
});

test("under TLS the cookie goes over TLS alone", async () => {
  const { call } = await startCallers({ trustProxy: true });
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
