import type { Server } from "node:http";
import cookie from "@fastify/cookie";
import fastify from "fastify";
import { validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { LIMITS } from "../core/limits.ts";
import { readBodies } from "./body.ts";
import type { App, ServerContext } from "./context.ts";
import { readPageFiles } from "./files/page-files.ts";
import { addGuard, confine } from "./guard.ts";
import { hideFolderInAnswers } from "./hide-folder.ts";
import { createHttpServer } from "./http-server.ts";
import { loggerOptions, logRequests } from "./log.ts";
import { answerUnknown, type ServedRoute } from "./methods.ts";
import { addOpenApi } from "./openapi.ts";
import { answerError } from "./problems.ts";
import { batchControlRoutes } from "./routes/batch-controls.ts";
import { batchStatusRoutes } from "./routes/batch-status.ts";
import { batchRoutes } from "./routes/batches.ts";
import { dashboardRoutes, missingAnswers } from "./routes/dashboard.ts";
import { documentEventRoutes } from "./routes/document-events.ts";
import { documentUploadRoutes } from "./routes/document-uploads.ts";
import { documentRoutes } from "./routes/documents.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { itemRoutes } from "./routes/items.ts";
import { leaseRoutes } from "./routes/leases.ts";
import { addMetrics } from "./routes/metrics.ts";
import { outputRoutes } from "./routes/outputs.ts";
import { pipelineRoutes } from "./routes/pipelines.ts";
import { previewRoutes } from "./routes/previews.ts";
import { processBatchRoutes } from "./routes/process-batch.ts";
import { queueRoutes } from "./routes/queues.ts";
import { submissionRoutes } from "./routes/submissions.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { workerRoutes } from "./routes/workers.ts";
import { addSpans } from "./spans.ts";

/** A path parameter is at most a queue's name, each byte of it escaped. */
const PARAM_LENGTH = 3 * LIMITS.nameBytes;

export interface BuiltApp {
  readonly app: App;
  readonly routes: readonly ServedRoute[];
  /** Two where `localhost` has two addresses, as soon as it listens. */
  readonly servers: readonly Server[];
}

/** Everything between a connection and the engine, in the order in which a request goes through it. */
export async function buildApp(context: ServerContext): Promise<BuiltApp> {
  const { limits, trustProxy, log } = context.settings;
  const servers: Server[] = [];
  const dashboard = await readPageFiles(context.settings.dashboard);
  const answerMissing = missingAnswers(dashboard);
  const app: App = fastify({
    ...loggerOptions(log),
    bodyLimit: limits.bodyBytes,
    // One hop: what a client puts before the proxy's own entry is not believed.
    trustProxy: trustProxy ? (_address, hop) => hop === 0 : false,
    routerOptions: { maxParamLength: PARAM_LENGTH },
    // An address that no route can read: no hook has seen it.
    frameworkErrors: (error, request, reply) => {
      confine(reply);
      if (!answerMissing(request, reply)) answerError(error, request, reply);
    },
    serverFactory: (handler) => {
      const listener = context.polls?.before(handler) ?? handler;
      const server = createHttpServer(listener, limits, trustProxy ? null : limits.connectionsPerAddress);
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
  await addSpans(app);
  await app.register(cookie);
  addGuard(app, context);
  if (log !== null) logRequests(app);
  const routes = answerUnknown(app, answerMissing);
  readBodies(app);
  hideFolderInAnswers(app, context);
  await addOpenApi(app);
  await addMetrics(app, context);
  await app.register(dashboardRoutes(dashboard));
  await addRoutes(app, context);
  return { app, routes, servers };
}

async function addRoutes(app: App, context: ServerContext): Promise<void> {
  await app.register(healthRoutes(context));
  await app.register(uploadRoutes(context));
  await app.register(processBatchRoutes(context));
  await app.register(batchStatusRoutes(context));
  await app.register(outputRoutes(context));
  await app.register(pipelineRoutes(context));
  await app.register(batchRoutes(context));
  await app.register(eventRoutes(context));
  await app.register(documentUploadRoutes(context));
  await app.register(documentRoutes(context));
  await app.register(documentEventRoutes(context));
  await app.register(submissionRoutes(context));
  await app.register(batchControlRoutes(context));
  await app.register(itemRoutes(context));
  await app.register(previewRoutes(context));
  await app.register(queueRoutes(context));
  await app.register(workerRoutes(context));
  await app.register(leaseRoutes(context));
}
