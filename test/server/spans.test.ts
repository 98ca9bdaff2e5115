import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { startServer } from "./support/start-server.ts";

/** Keeps spans and says when enough of them have ended. */
class Exporter extends InMemorySpanExporter {
  #look: () => void = () => {};

  override export(...given: Parameters<InMemorySpanExporter["export"]>): void {
    super.export(...given);
    this.#look();
  }

  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.getFinishedSpans().length >= count) resolve();
      };
      this.#look();
    });
  }
}

const exporter = new Exporter();

beforeAll(() => {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  return () => {
    trace.disable();
    context.disable();
    propagation.disable();
  };
});

beforeEach(() => exporter.reset());

test("a request is a span of its caller's trace", async () => {
  const { milepost, operator, fetch } = await startServer();
  const { id } = await milepost.submit({ pipeline: "nothing", items: [] });
  const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  await operator(`/api/batches/${id}?secret=x`, { headers: { traceparent: `00-${traceId}-${spanId}-01` } });
  await fetch("/nowhere");
  await exporter.until(2);
  const [read, nowhere] = exporter.getFinishedSpans();
  expect(read).toMatchObject({ name: "GET /api/batches/:batchId", kind: SpanKind.SERVER });
  expect(read?.spanContext().traceId).toBe(traceId);
  expect(read?.parentSpanContext?.spanId).toBe(spanId);
  expect(read?.attributes).toEqual({
    "http.request.method": "GET",
    "http.route": "/api/batches/:batchId",
    "http.response.status_code": 200,
    "url.path": `/api/batches/${id}`,
    "url.scheme": "http",
    "client.address": "127.0.0.1",
  });
  expect(nowhere).toMatchObject({ name: "GET" });
  expect(nowhere?.attributes).toMatchObject({ "http.response.status_code": 404 });
});

test("an attempt is a span, and what its handler does belongs to it", async () => {
  const { milepost } = await startServer();
  milepost.pipeline("traced", async ({ key }) => {
    await Promise.resolve();
    trace.getTracer("test").startSpan(`inside ${key}`).end();
    if (key === "b") throw new Error("no");
  });
  await milepost.work();
  const { batch, id } = await milepost.submit({ pipeline: "traced", items: ["a", "b"], attempts: 1 });
  await batch.done();
  await exporter.until(4);
  const spans = exporter.getFinishedSpans();
  const attempts = spans.filter(({ name }) => name === "attempt traced");
  const { items } = await batch.items();
  expect(attempts.map(({ attributes }) => attributes)).toEqual([
    {
      "milepost.pipeline": "traced",
      "milepost.queue": "traced",
      "milepost.batch.id": id,
      "milepost.item.id": items[0]?.id,
      "milepost.attempt": 1,
      "milepost.outcome": "complete",
    },
    expect.objectContaining({ "milepost.item.id": items[1]?.id, "milepost.outcome": "fail" }),
  ]);
  expect(attempts[1]?.status).toEqual({ code: SpanStatusCode.ERROR, message: "no" });
  for (const [index, key] of ["a", "b"].entries()) {
    const inside = spans.find(({ name }) => name === `inside ${key}`);
    expect(inside?.parentSpanContext?.spanId).toBe(attempts[index]?.spanContext().spanId);
  }
});
