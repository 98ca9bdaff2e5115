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
  if (!text.includes(inJson(settings.files)) || callers.isOperator(request)) return text;
  return withoutFolder(settings.files, text);
}

/** A text in JSON in which paths in the folder are relative to it. */
export function withoutFolder(path: string, text: string): string {
  const [folder, separator] = [inJson(path), inJson(sep)];
  return text.includes(folder) ? text.replaceAll(folder + separator, "").replaceAll(folder, "") : text;
}

/** As it stands inside a text in JSON. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
