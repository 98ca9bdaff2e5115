import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import type { Milepost } from "../engine/milepost.ts";
import { imageUploads } from "../pipelines/images/image-uploads.ts";
import { toProblem } from "../wire/problem.ts";
import { BatchAnswers } from "./batch-answers.ts";
import { Callers } from "./callers.ts";
import type { App, ServerContext } from "./context.ts";
import { ServerFiles } from "./files/server-files.ts";
import { answerError, answerProblem } from "./problems.ts";
import { batchStatusRoutes } from "./routes/batch-status.ts";
import { batchRoutes } from "./routes/batches.ts";
import { outputRoutes } from "./routes/outputs.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { processBatchRoutes } from "./routes/process-batch.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { readSecret } from "./secret.ts";
import { type ServerOptions, toServerSettings } from "./settings.ts";

const TOKEN_BYTES = 24;
const FACETS = [imageUploads];
const CLOSE_IDLE_EVERY_MS = 50;

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
  const files = await ServerFiles.open(milepost, settings, FACETS);
  const answers = new BatchAnswers(milepost);
  const app = await buildApp({ milepost, settings, callers, files, facets: FACETS, answers });
  const end = async (): Promise<void> => {
    // A connection whose answer ends just then is closed by nobody else.
    const closeIdle = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
    await app.close().finally(() => clearInterval(closeIdle));
    answers.close();
    await files.close();
  };
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closed ??= end();
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
  await app.register(uploadRoutes(context));
  await app.register(processBatchRoutes(context));
  await app.register(batchStatusRoutes(context));
  await app.register(outputRoutes(context));
  await app.register(pipelineRoutes(context));
  return app;
}
