import { readFile } from "node:fs/promises";
import { join } from "node:path";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { Callers } from "../../../src/server/callers.ts";
import { SERVER_LIMITS } from "../../../src/server/settings.ts";
import { type TestServer, TOKEN } from "./start-server.ts";

export interface TestSession {
  /** What its batches bear. */
  readonly owner: string;
  readonly cookie: string;
  /** `fetch` of a path of the server, as this session. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
}

/** A session that a server of this test takes for one that it began. */
export async function beginSession(server: TestServer): Promise<TestSession> {
  const secret = Buffer.from(await readFile(join(server.files, "secret"), "utf8"), "hex");
  const callers = new Callers({
    secret,
    files: server.files,
    token: TOKEN,
    limits: SERVER_LIMITS,
    now: () => Date.now(),
  });
  const app = fastify();
  await app.register(cookie);
  app.post("/", async (request, reply) => callers.ensureOwner(request, reply));
  const answer = await app.inject({ method: "POST", url: "/" });
  const [first] = answer.cookies;
  if (first === undefined) throw new Error("no session was begun");
  const text = `${first.name}=${first.value}`;
  return {
    owner: answer.body,
    cookie: text,
    fetch: (path, init = {}) => server.fetch(path, { ...init, headers: { cookie: text, ...(init.headers as object) } }),
  };
}
