import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import type { Milepost } from "../engine/milepost.ts";
import { toProblem } from "../wire/problem.ts";
import { Callers } from "./callers.ts";
import type { App, ServerContext } from "./context.ts";
import { EventHub } from "./events/event-hub.ts";
import { answerError, answerProblem } from "./problems.ts";
import { batchRoutes } from "./routes/batches.ts";
import { eventRoutes } from "./routes/events.ts";
import { leaseRoutes } from "./routes/leases.ts";
import { workerRoutes } from "./routes/workers.ts";
import { readSecret } from "./secret.ts";
import { type ServerOptions, toServerSettings } from "./settings.ts";

const TOKEN_BYTES = 24;

export interface MilepostServer {
  /** The operator's token. */
  readonly token: string;
  /** Begins to listen and returns the address: `http://127.0.0.1:7077`. */
  listen(): Promise<string>;
  /** Takes no more requests, lets those under way end, and resolves. The engine stays open. Idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The engine as a service over HTTP. It runs no work of its own accord: `milepost.work()` does, in this process or another.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`
 * @example
 * await using milepost = await openMilepost("work.db");
 * await using server = await createServer(milepost, { files: "/var/lib/milepost" });
 * console.log(await server.listen());
 */
export async function createServer(milepost: Milepost, options: ServerOptions): Promise<MilepostServer> {
  const settings = toServerSettings(options);
  await mkdir(settings.files, { recursive: true, mode: 0o700 });
  const token = options.token ?? randomBytes(TOKEN_BYTES).toString("base64url");
  const secret = await readSecret(settings.files);
  const callers = new Callers({ secret, token, limits: settings.limits, now: () => Date.now() });
  const events = new EventHub({
    milepost,
    limits: settings.limits,
    onError: (err) => app.log.error({ err }, "events could not be told"),
  });
  const app = await buildApp({ milepost, settings, callers, events });
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= app.close();
    return closed;
  };
  return {
    token,
    listen: () => app.listen({ host: settings.host, port: settings.port }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function buildApp(context: ServerContext): Promise<App> {
  const { settings } = context;
  const app: App = fastify({
    bodyLimit: settings.limits.bodyBytes,
    trustProxy: settings.trustProxy,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers are made by `wire` and typed by the same schemas; checking them again would cost more than making them.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) => answerProblem(reply, toProblem("not-found", "there is no such address")));
  await app.register(cookie);
  await app.register(batchRoutes(context));
  await app.register(eventRoutes(context));
  await app.register(workerRoutes(context));
  await app.register(leaseRoutes(context));
  return app;
}
