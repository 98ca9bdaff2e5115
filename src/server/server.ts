import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import type { Server } from "node:http";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { MilepostError } from "../core/errors.ts";
import type { Milepost } from "../engine/milepost.ts";
import type { Logger } from "../ports/logger.ts";
import { toProblem } from "../wire/problem.ts";
import { Callers } from "./callers.ts";
import type { App, ServerContext } from "./context.ts";
import { addGuard } from "./guard.ts";
import { createHttpServer } from "./http-server.ts";
import { loggerOptions, logRequests, toLogger } from "./log.ts";
import { addOpenApi } from "./openapi.ts";
import { answerError, answerProblem } from "./problems.ts";
import { batchRoutes } from "./routes/batches.ts";
import { healthRoutes } from "./routes/health.ts";
import { addMetrics } from "./routes/metrics.ts";
import { leaseRoutes } from "./routes/leases.ts";
import { workerRoutes } from "./routes/workers.ts";
import { readSecret } from "./secret.ts";
import { type ServerOptions, type ServerSettings, toServerSettings } from "./settings.ts";
import { addSpans } from "./spans.ts";
import { startWebhooks } from "./webhooks/webhooks.ts";

const TOKEN_BYTES = 24;
const SECRET_BYTES = 32;
/** A closing server looks for connections whose last request has ended this often. */
const CLOSE_IDLE_EVERY_MS = 100;

export interface MilepostServer {
  /** The operator's token. */
  readonly token: string;
  /** The server's log, for what belongs to it: `openMilepost` can be given a logger that writes here. */
  readonly log: Logger;
  /**
   * Begins to listen and returns the address: `http://127.0.0.1:7077`.
   * @throws {MilepostError} `CONFLICT` where something else listens there, `INVALID_ARGUMENT` where nothing can
   */
  listen(): Promise<string>;
  /**
   * Takes no more requests, lets those under way end for `limits.drainMs`, ends event streams so that their readers come
   * back elsewhere, and resolves. The engine stays open. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The engine as a service over HTTP. It runs no work of its own accord, webhooks excepted: `milepost.work()` does, in this
 * process or another.
 *
 * @throws {MilepostError} `INVALID_ARGUMENT`
 * @example
 * await using milepost = await openMilepost("work.db");
 * await using server = await createServer(milepost, { files: "/var/lib/milepost" });
 * console.log(await server.listen());
 */
export async function createServer(milepost: Milepost, options: ServerOptions): Promise<MilepostServer> {
  const settings = toServerSettings(options);
  const { limits, files } = settings;
  await mkdir(files, { recursive: true, mode: 0o700 });
  const token = options.token ?? randomBytes(TOKEN_BYTES).toString("base64url");
  const secret = await readSecret(files, "secret", () => randomBytes(SECRET_BYTES).toString("hex"));
  const callers = new Callers({ secret: Buffer.from(secret, "hex"), token, limits, now: () => Date.now() });
  const servers: Server[] = [];
  const app = await buildApp({ milepost, settings, callers }, servers);
  const log = toLogger(app.log);
  const webhooks =
    settings.webhooks === null
      ? null
      : await startWebhooks({ milepost, files, log, options: settings.webhooks }).catch(async (error: unknown) => {
          await app.close();
          throw error;
        });
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= Promise.all([drain(app, servers, limits.drainMs), webhooks?.stop(limits.drainMs)]).then(() => {});
    return closed;
  };
  return { token, log, listen: () => listen(app, settings), close, [Symbol.asyncDispose]: close };
}

async function listen(app: App, { host, port }: ServerSettings): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code === "EADDRINUSE") {
      const message = `something listens on ${host} port ${port} already; choose another port, or 0 for any free one`;
      throw new MilepostError("CONFLICT", message, { cause: error });
    }
    throw new MilepostError("INVALID_ARGUMENT", `cannot listen on ${host} port ${port}: ${code}`, { cause: error });
  }
}

/** Requests under way may end; their connections are closed as they do, and what is left after `drainMs` is cut. */
async function drain(app: App, servers: readonly Server[], drainMs: number): Promise<void> {
  const closeIdle = setInterval(() => {
    for (const server of servers) server.closeIdleConnections();
  }, CLOSE_IDLE_EVERY_MS);
  const cut = setTimeout(() => {
    for (const server of servers) server.closeAllConnections();
  }, drainMs);
  try {
    await app.close();
  } finally {
    clearInterval(closeIdle);
    clearTimeout(cut);
  }
}

/** @param servers gets the servers that are made: two where `localhost` has two addresses */
async function buildApp(context: ServerContext, servers: Server[]): Promise<App> {
  const { limits, trustProxy, log } = context.settings;
  const app: App = fastify({
    ...loggerOptions(log),
    bodyLimit: limits.bodyBytes,
    // One hop: what a client puts before the proxy's own entry is not believed.
    trustProxy: trustProxy ? (_address, hop) => hop === 0 : false,
    serverFactory: (handler) => {
      const server = createHttpServer(handler, limits, trustProxy ? null : limits.connectionsPerAddress);
      servers.push(server);
      return server;
    },
    // The servers that are made there answer for themselves.
    clientErrorHandler: () => {},
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers are made by `wire` and typed by the same schemas; checking them again would cost more than making them.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((_request, reply) => answerProblem(reply, toProblem("not-found", "there is no such address")));
  await addSpans(app);
  await app.register(cookie);
  await addGuard(app, context);
  if (log !== null) logRequests(app);
  await addOpenApi(app);
  await addMetrics(app, context);
  await app.register(healthRoutes(context));
  await app.register(batchRoutes(context));
  await app.register(workerRoutes(context));
  await app.register(leaseRoutes(context));
  return app;
}
