import { type FastifyBaseLogger, type FastifyServerOptions, LogController } from "fastify";
import type { Logger } from "../ports/logger.ts";
import type { App } from "./context.ts";
import type { LogTarget } from "./settings.ts";

/** Pino as Fastify brings it: JSON lines, whose escapes let nothing forge a line. */
export function loggerOptions(target: LogTarget | null): Pick<FastifyServerOptions, "logger" | "logController"> {
  if (target === null) return { logger: false };
  const stream = { write: (line: string) => void target.write(line) };
  return {
    logger: { level: "info", stream, base: null },
    logController: new LogController({ disableRequestLogging: true }),
  };
}

/**
 * One line for each answered request. Headers, bodies and queries are left out: cookies, tokens and what people send are
 * nobody's business here.
 */
export function logRequests(app: App): void {
  app.addHook("onResponse", async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split("?", 1)[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
      },
      "request",
    );
  });
}

/** The same log for the engine and for what the server does of its own accord. */
export function toLogger(log: FastifyBaseLogger): Logger {
  return {
    info: (message, details) => log.info(details ?? {}, message),
    warn: (message, details) => log.warn(details ?? {}, message),
    error: (message, details) => log.error(details ?? {}, message),
  };
}
