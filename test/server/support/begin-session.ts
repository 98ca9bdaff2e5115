import type { FastifyReply, FastifyRequest } from "fastify";
import { Callers } from "../../../src/server/callers.ts";
import { readSecret } from "../../../src/server/secret.ts";
import { SERVER_LIMITS } from "../../../src/server/settings.ts";
import { TOKEN } from "./start-server.ts";

/** A session of a server with these files, as if it had begun with a request: its cookie, and what its batches bear. */
export async function beginSession(files: string): Promise<{ readonly cookie: string; readonly owner: string }> {
  const secret = await readSecret(files);
  const callers = new Callers({ secret, token: TOKEN, limits: SERVER_LIMITS, now: () => Date.now() });
  let cookie = "";
  const request = { headers: {}, cookies: {}, protocol: "http" } as unknown as FastifyRequest;
  const reply = {
    setCookie: (name: string, value: string) => {
      cookie = `${name}=${value}`;
    },
  } as unknown as FastifyReply;
  return { owner: callers.ensureOwner(request, reply), cookie };
}
