/**
 * Workers that are late: frozen by SIGSTOP past their lease, or with an event loop that is blocked. Run alone:
 * `npx node test/faults/late-workers.ts [name]`.
 */
import { Child } from "./support/child.ts";
import { dump } from "./support/dump.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { ledger, openGate, openIn, STORE, startWorker, stopWorker, until } from "./support/scenery.ts";

async function lateReports(scene: Scene): Promise<void> {
  const milepost = await openIn(scene);
  const gate = Promise.withResolvers<void>();
  milepost.pipeline("work", () => gate.promise);
  const { batch } = await milepost.submit({ pipeline: "work", items: ["a", "b"] });
  const frozen = Child.script(scene, "hold-and-freeze.ts", [scene.path(STORE), "1000"]);
  await frozen.until(({ stdout }) => stdout.includes("frozen"));
  const before = await batch.snapshot();
  const worker = await milepost.work({ concurrency: 2 });
  // Taken away, then started again: two commits at least. Items that a worker left behind run one at a time.
  await until(batch, ({ counts, version }) => counts.processing === 1 && version >= before.version + 2);
  // Without the heartbeats, which go on.
  const itemsOf = (): string => dump(scene.path(STORE), ["workers"]);
  const held = itemsOf();
  frozen.signal("SIGCONT");
  await frozen.ended;
  const refused = ["lease-lost", "lease-lost"];
  scene.check("late reports while another worker runs the items", JSON.parse(frozen.stdout.split("\n")[1] ?? "null"), {
    progress: refused,
    complete: refused,
    fail: refused,
    release: refused,
    beat: false,
  });
  scene.check("nothing in the store changed by them", itemsOf() === held, true);
  gate.resolve();
  scene.check("the batch ends by the other worker", (await batch.done()).counts.completed, 2);
  const attempts = (await batch.item("a").attempts()).map(({ token, outcome }) => [token, outcome]);
  scene.check("attempts of an item, with their tokens", attempts, [
    [1, "crashed"],
    [2, "completed"],
  ]);
  await worker.stop();
  scene.check("verify", await milepost.verify(), []);
}

async function frozenWorker(scene: Scene): Promise<void> {
  const milepost = await openIn(scene);
  const frozen = await startWorker(scene);
  const { batch } = await milepost.submit({ pipeline: "work", items: [{ key: "first", input: { gate: "go" } }] });
  await until(batch, ({ counts }) => counts.processing === 1);
  frozen.signal("SIGSTOP");
  const before = await batch.snapshot();
  const other = await startWorker(scene);
  await until(batch, ({ counts, version }) => counts.processing === 1 && version >= before.version + 2);
  openGate(scene, "go");
  const ended = await batch.done();
  scene.check("another worker completes the item", ended.counts.completed, 1);
  await stopWorker(other);
  frozen.signal("SIGCONT");
  const { batch: next } = await milepost.submit({ pipeline: "work", items: [{ key: "next", input: {} }] });
  scene.check("the frozen worker goes on with new work", (await next.done()).counts.completed, 1);
  scene.check("by the frozen worker", (await next.item("next").snapshot()).output, { by: frozen.pid });
  scene.check("the first batch is as it was", await batch.snapshot(), ended);
  scene.check("the first item's result", (await batch.item("first").snapshot()).output, { by: other.pid });
  await stopWorker(frozen);
  scene.check("verify", await milepost.verify(), []);
}

async function blockedLoop(scene: Scene, leaseMs: number, blockMs: number): Promise<void> {
  const milepost = await openIn(scene);
  const blocked = await startWorker(scene, { leaseMs });
  const { batch } = await milepost.submit({ pipeline: "work", items: [{ key: "long", input: { blockMs } }] });
  await until(batch, ({ counts }) => counts.processing === 1);
  // Another worker that would take the item, and that looks for dead ones twice a second.
  const rival = await startWorker(scene, { leaseMs });
  scene.check("the item is completed", (await batch.done()).counts.completed, 1);
  const outcomes = (await batch.item("long").attempts()).map(({ outcome }) => outcome);
  scene.check("its attempts: the lease was kept by the heartbeat's own thread", outcomes, ["completed"]);
  scene.check("by the blocked worker", (await batch.item("long").snapshot()).output, { by: blocked.pid });
  scene.check("starts of the handler", ledger(scene).filter((line) => line.startsWith("start")).length, 1);
  await Promise.all([blocked, rival].map(stopWorker));
  scene.check("verify", await milepost.verify(), []);
}

const BLOCKED = "heartbeats go on from a thread of their own: the lease is kept, the item completed once";

export const lateWorkerFaults: readonly Fault[] = [
  {
    name: "late-reports",
    expected:
      "SIGSTOP past the lease, SIGCONT: late progress, completion, failure and release are refused, nothing changes",
    run: lateReports,
  },
  {
    name: "frozen-worker",
    expected: "SIGSTOP past the lease, SIGCONT: another worker has the item; the frozen one goes on with new work",
    run: frozenWorker,
  },
  {
    name: "blocked-loop",
    expected: `blocked for 3 leases of 1 s: ${BLOCKED}`,
    run: (scene) => blockedLoop(scene, 1_000, 3_000),
  },
  {
    name: "blocked-loop-15s",
    expected: `blocked for 15 s, lease of 4 s: ${BLOCKED}`,
    isSlow: true,
    run: (scene) => blockedLoop(scene, 4_000, 15_000),
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(lateWorkerFaults.filter(({ name }) => wanted === undefined || name === wanted));
}
