import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { LIMITS } from "../core/limits.ts";
import type { Milepost } from "../engine/milepost.ts";
import { imageUploads } from "../pipelines/images/image-uploads.ts";
import { BatchAnswers } from "./batch-answers.ts";
import { readBodies } from "./body.ts";
import { Callers } from "./callers.ts";
import type { App, ServerContext } from "./context.ts";
import { EventHub } from "./events/event-hub.ts";
import { ServerFiles } from "./files/server-files.ts";
import { hideFolderInAnswers, withoutFolder } from "./hide-folder.ts";
import { Idempotency } from "./idempotency.ts";
import { answerUnknown, type ServedRoute } from "./methods.ts";
import { answerError } from "./problems.ts";
import { batchControlRoutes } from "./routes/batch-controls.ts";
import { batchStatusRoutes } from "./routes/batch-status.ts";
import { batchRoutes } from "./routes/batches.ts";
import { eventRoutes } from "./routes/events.ts";
import { itemRoutes } from "./routes/items.ts";
import { leaseRoutes } from "./routes/leases.ts";
import { outputRoutes } from "./routes/outputs.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { processBatchRoutes } from "./routes/process-batch.ts";
import { queueRoutes } from "./routes/queues.ts";
import { submissionRoutes } from "./routes/submissions.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { workerRoutes } from "./routes/workers.ts";
import { readSecret } from "./secret.ts";
import { type ServerOptions, toServerSettings } from "./settings.ts";
import { Submissions } from "./submissions.ts";

const TOKEN_BYTES = 24;
const FACETS = [imageUploads];

export interface MilepostServer {
  /** The operator's token. */
  readonly token: string;
  /** Every address that it answers. */
  readonly routes: readonly ServedRoute[];
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
    hide: (json) => withoutFolder(settings.files, json),
    onError: (err) => app.log.error({ err }, "events could not be told"),
  });
  const submissions = new Submissions(milepost, settings.files);
  const idempotency = new Idempotency(settings.files);
  const files = await ServerFiles.open(milepost, settings, FACETS);
  const answers = new BatchAnswers(milepost);
  const { app, routes } = await buildApp({
    milepost,
    settings,
    callers,
    events,
    submissions,
    idempotency,
    files,
    facets: FACETS,
    answers,
  });
  const finishLeft = async (): Promise<void> => {
    for (const err of await submissions.finishLeft()) app.log.error({ err }, "a submission could not be finished");
  };
  await finishLeft();
  const timer = setInterval(() => void finishLeft(), settings.limits.sweepEveryMs).unref();
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => {
    clearInterval(timer);
    closed ??= app.close().then(() => {
      answers.close();
      return files.close();
    });
    return closed;
  };
  return {
    token,
    routes,
    listen: () => app.listen({ host: settings.host, port: settings.port }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A path parameter is at most a queue's name, each byte of it escaped. */
const PARAM_LENGTH = 3 * LIMITS.nameBytes;

async function buildApp(
  context: ServerContext,
): Promise<{ readonly app: App; readonly routes: readonly ServedRoute[] }> {
  const { settings } = context;
  const app: App = fastify({
    bodyLimit: settings.limits.bodyBytes,
    trustProxy: settings.trustProxy,
    routerOptions: { maxParamLength: PARAM_LENGTH },
    frameworkErrors: answerError,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers are made by `wire` and typed by the same schemas; checking them again would cost more than making them.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  const routes = answerUnknown(app);
  readBodies(app);
  await app.register(cookie);
  hideFolderInAnswers(app, context);
  await app.register(batchRoutes(context));
  await app.register(eventRoutes(context));
  await app.register(workerRoutes(context));
  await app.register(leaseRoutes(context));
  await app.register(submissionRoutes(context));
  await app.register(batchControlRoutes(context));
  await app.register(itemRoutes(context));
  await app.register(queueRoutes(context));
  await app.register(uploadRoutes(context));
  await app.register(processBatchRoutes(context));
  await app.register(batchStatusRoutes(context));
  await app.register(outputRoutes(context));
  await app.register(pipelineRoutes(context));
  return { app, routes };
}
