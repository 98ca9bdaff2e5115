/**
 * Holds the items of a batch and has started them; stops itself with SIGSTOP; once continued, reports the end of each, which is
 * late, and prints what became of the reports: `node hold-and-freeze.ts <store> <leaseMs>`.
 */
import { NO_PROGRESS } from "../../../src/core/progress.ts";
import { systemClock } from "../../../src/platform/system-clock.ts";
import { systemHost } from "../../../src/platform/system-host.ts";
import type { Report } from "../../../src/ports/store.ts";
import { openSqliteStore } from "../../../src/stores/sqlite/sqlite-store.ts";

const [path = "", leaseMs = "1000"] = process.argv.slice(2);
const store = await openSqliteStore({ path, clock: systemClock });
const now = systemClock.now();
const worker = await store.openSession({
  ...{ ...systemHost.self, name: "frozen", queues: [], batch: null, pipelines: null, concurrency: 4 },
  leaseMs: Number(leaseMs),
  now,
});
const { leases } = await store.claim({ worker, queues: [], pipelines: null, limit: 4, now, turn: 0 });
await store.record(
  leases.map((lease) => ({ type: "start", item: lease.item, lease, startedAt: now })),
  now,
);
process.stdout.write("frozen\n");
process.kill(process.pid, "SIGSTOP");

const results: Record<string, unknown> = {};
for (const body of [
  {
    type: "progress",
    startedAt: now,
    progress: { ...NO_PROGRESS, done: 9, total: 10 },
    fraction: 900,
    saved: '"late"',
  },
  { type: "complete", startedAt: now, output: '"late"' },
  { type: "fail", startedAt: now, error: { name: "Error", message: "late", code: null }, retryAt: null },
  { type: "release", startedAt: now },
] as const) {
  const reports: Report[] = leases.map((lease) => ({ item: lease.item, lease, ...body }));
  results[body.type] = (await store.record(reports, systemClock.now())).map((result) =>
    result.ok ? "accepted" : result.reason,
  );
}
results.beat = await store.beat(worker);
await store.close();
process.stdout.write(`${JSON.stringify(results)}\n`);
