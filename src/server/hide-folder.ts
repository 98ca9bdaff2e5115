import { sep } from "node:path";
import type { FastifyRequest } from "fastify";
import type { App, ServerContext } from "./context.ts";

/**
 * Takes the server's own folder out of what it tells anybody but the operator: options, inputs and outputs name files in it, and
 * errors may. What is streamed is not seen here and is to go through `toldTo` itself.
 */
export function hideFolderInAnswers(app: App, context: ServerContext): void {
  app.addHook("onSend", (request, _reply, payload, done) => {
    done(null, typeof payload === "string" ? toldTo(context, request, payload) : payload);
  });
}

/** The text as the caller may read it: to all but the operator, paths in the server's folder are relative to it. */
export function toldTo({ callers, settings }: ServerContext, request: FastifyRequest, text: string): string {
  const [folder, separator] = [inJson(settings.files), inJson(sep)];
  if (!text.includes(folder) || isOperator(callers, request)) return text;
  return text.replaceAll(folder + separator, "").replaceAll(folder, "");
}

function isOperator(callers: ServerContext["callers"], request: FastifyRequest): boolean {
  try {
    return callers.of(request).kind === "operator";
  } catch {
    return false;
  }
}

/** As it stands inside a text in JSON. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
