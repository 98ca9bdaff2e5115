import type { Span } from "@opentelemetry/api";
import type { FastifyRequest } from "fastify";
import { findOpenTelemetry, TRACER_NAME } from "../platform/open-telemetry.ts";
import type { App } from "./context.ts";

/**
 * A span of each request, as a part of the caller's trace where it sends one, named and described by OpenTelemetry's
 * conventions for HTTP servers. Does nothing where no SDK was registered before the server was made.
 */
export async function addSpans(app: App): Promise<void> {
  const api = await findOpenTelemetry();
  if (api === null) return;
  const { context, propagation, trace, SpanKind, SpanStatusCode } = api;
  const tracer = trace.getTracer(TRACER_NAME);
  const spans = new WeakMap<FastifyRequest, Span>();
  app.addHook("onRequest", (request, _reply, next) => {
    const { method, protocol, ip, headers, url } = request;
    const route = request.routeOptions.url;
    const caller = propagation.extract(context.active(), headers);
    const attributes = {
      "http.request.method": method,
      "url.path": url.split("?", 1)[0] ?? "",
      "url.scheme": protocol,
      "client.address": ip,
      ...(route !== undefined && { "http.route": route }),
    };
    const name = route === undefined ? method : `${method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, caller);
    spans.set(request, span);
    context.with(trace.setSpan(caller, span), next);
  });
  const end = (request: FastifyRequest, status: number | null): void => {
    const span = spans.get(request);
    if (span === undefined) return;
    spans.delete(request);
    if (status !== null) span.setAttribute("http.response.status_code", status);
    if (status === null || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  };
  app.addHook("onResponse", async (request, reply) => end(request, reply.statusCode));
  app.addHook("onRequestAbort", async (request) => end(request, null));
}
