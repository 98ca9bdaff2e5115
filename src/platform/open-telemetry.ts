import type { Tracer } from "../ports/tracer.ts";

/** Under which every copy of the API's first major version finds the SDK that was registered. */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");
/** The name that our spans bear as their instrumentation's. */
export const TRACER_NAME = "milepost";

export type OpenTelemetryApi = typeof import("@opentelemetry/api");

/** The API of OpenTelemetry, if an SDK was registered in this process before; else null, and nothing is even loaded. */
export async function findOpenTelemetry(): Promise<OpenTelemetryApi | null> {
  const registered = (globalThis as { readonly [REGISTERED]?: { readonly trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return null;
  return import("@opentelemetry/api").catch(() => null);
}

/** A tracer that makes a span of each attempt; null where nobody would see it. */
export async function findTracer(): Promise<Tracer | null> {
  const api = await findOpenTelemetry();
  if (api === null) return null;
  const { context, trace, ROOT_CONTEXT, SpanStatusCode } = api;
  const tracer = trace.getTracer(TRACER_NAME);
  return {
    begin({ pipeline, queue, batchId, itemId, attempt }) {
      const span = tracer.startSpan(`attempt ${pipeline}`, {
        // What happens to wake a worker, perhaps a request, is not what its attempts belong to.
        root: true,
        attributes: {
          "milepost.pipeline": pipeline,
          "milepost.queue": queue,
          "milepost.batch.id": batchId,
          "milepost.item.id": itemId,
          "milepost.attempt": attempt,
        },
      });
      return {
        run: (handler) => context.with(trace.setSpan(ROOT_CONTEXT, span), handler),
        end(how, errorMessage) {
          span.setAttribute("milepost.outcome", how);
          if (errorMessage !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: errorMessage });
          span.end();
        },
      };
    },
  };
}
