import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { App } from "../context.ts";
import type { Polls } from "../polls.ts";

/** Seconds. */
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
/** Streams last as long as their readers: how long says nothing of the server. */
const STREAM_ROUTE = /\/events$/;

type Label = "method" | "route" | "status";

/** What the server itself does. Routes are named by their patterns, so that no id and nothing that was typed is a label. */
export function observeRequests(app: App, registry: Registry): void {
  const registers = [registry];
  const durations = new Histogram<Label>({
    name: "milepost_http_request_duration_seconds",
    help: "From a request's arrival to the end of its answer; without event streams and repeated polls",
    labelNames: ["method", "route", "status"],
    buckets: BUCKETS,
    registers,
  });
  const streams = new Gauge({ name: "milepost_http_streams_open", help: "Event streams that are open", registers });
  const children = new Map<string, Histogram.Internal<Label>>();
  const observe = (method: string, route: string, status: number, seconds: number): void => {
    const key = `${method} ${route} ${status}`;
    let child = children.get(key);
    if (child === undefined) {
      child = durations.labels({ method, route, status: String(status) });
      children.set(key, child);
    }
    child.observe(seconds);
  };
  app.addHook("onRequest", (request, reply, next) => {
    if (STREAM_ROUTE.test(request.routeOptions.url ?? "")) {
      streams.inc();
      reply.raw.once("close", () => streams.dec());
    }
    next();
  });
  app.addHook("onResponse", (request, reply, next) => {
    const route = request.routeOptions.url ?? "none";
    if (!STREAM_ROUTE.test(route)) observe(request.method, route, reply.statusCode, reply.elapsedTime / 1_000);
    next();
  });
}

/** Polls that were answered before they were routed, so that no hook saw them. */
export function countPolls({ given }: Polls, registry: Registry): void {
  new Counter({
    name: "milepost_http_polls_repeated_total",
    help: "Polls of a batch that were answered as the very same request was a moment before",
    labelNames: ["status"],
    registers: [registry],
    collect() {
      this.reset();
      for (const status of [200, 304] as const) this.inc({ status }, given[status]);
    },
  });
}

/** What of the process tells its health; prom-client's own set would keep observers alive that nobody can end. */
export function describeProcess(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory that the process has",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970",
    registers,
    collect() {
      this.set(Date.now() / 1_000 - process.uptime());
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time that the process used",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
