import type { Code, Trace, TraceEvent, TraceItem } from "./trace.ts";

/** One item of a made-up batch. */
export interface Job {
  readonly item: TraceItem;
  /** What it takes when it starts at `at` seconds. */
  readonly secondsAt: (at: number) => number;
  readonly isCached?: boolean;
  /** Attempts that fail before one succeeds. */
  readonly failures?: number;
  /** Shares of its time at which it reports, and what it reports. */
  readonly reports?: readonly (readonly [share: number, fraction: number])[];
}

export interface Plan {
  readonly name: string;
  readonly group: string;
  readonly workers: number;
  readonly jobs: readonly Job[];
  /** From `at` seconds on there are so many workers. */
  readonly widths?: readonly { readonly at: number; readonly workers: number }[];
  /** Working seconds after which the batch is paused for `forSeconds`. */
  readonly pause?: { readonly after: number; readonly forSeconds: number };
}

const GAP_SECONDS = 1e-4;

/** Runs the jobs in their order on the workers, failed ones again at the end, and records what happened. */
export function runBatch(batch: Plan): Trace {
  const events: TraceEvent[] = [];
  const add = (at: number, code: Code, item: number, x = 0): void => void events.push({ at, code, item, x });
  const queue = batch.jobs.map((job, item) => ({ job, item, failures: job.failures ?? 0 }));
  const free = Array.from({ length: batch.workers }, () => 0);
  const widths = [...(batch.widths ?? [])];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { job, item, failures } = next;
    let lane = free.indexOf(Math.min(...free));
    let at = (free[lane] ?? 0) + GAP_SECONDS;
    for (let width = widths[0]; width !== undefined && width.at <= at; width = widths[0]) {
      widths.shift();
      add(width.at, "c", -1, width.workers);
      while (free.length < width.workers) free.push(width.at);
      // Those who go finish what they have.
      while (free.length > width.workers) free.splice(free.indexOf(Math.min(...free)), 1);
      lane = free.indexOf(Math.min(...free));
      at = Math.max(width.at, free[lane] ?? 0) + GAP_SECONDS;
    }
    const seconds = job.isCached === true ? GAP_SECONDS : job.secondsAt(at) * (failures > 0 ? 0.5 : 1);
    add(at, "s", item);
    if (job.isCached === true) add(at + seconds, "h", item);
    else {
      for (const [share, fraction] of job.reports ?? []) add(at + share * seconds, "p", item, fraction);
      add(at + seconds, failures > 0 ? "f" : "d", item);
      if (failures > 0) queue.push({ job, item, failures: failures - 1 });
    }
    free[lane] = at + seconds;
  }
  const sorted = events.toSorted((a, b) => a.at - b.at);
  const { name, group, workers, jobs } = batch;
  return { name, group, workers, items: jobs.map(({ item }) => item), events: withPause(sorted, batch.pause) };
}

function withPause(events: readonly TraceEvent[], pause: Plan["pause"]): readonly TraceEvent[] {
  if (pause === undefined) return events;
  const { after, forSeconds } = pause;
  return [
    ...events.filter(({ at }) => at <= after),
    { at: after, code: "P", item: -1, x: 0 },
    { at: after + forSeconds, code: "R", item: -1, x: 0 },
    ...events.filter(({ at }) => at > after).map((event) => ({ ...event, at: event.at + forSeconds })),
  ];
}
