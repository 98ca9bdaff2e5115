/**
 * Workers on hosts with addresses of their own, of which one is cut off. Needs root on Linux. Run alone:
 * `npx node test/faults/postgres-networks.ts`.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Batch } from "../../src/index.ts";
import { FaultProxy } from "../support/fault-proxy.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { type Host, makeHost, networkObstacle } from "./support/network.ts";
import { openAt, openPostgresIn } from "./support/postgres-scenery.ts";
import { stopWorker, until } from "./support/scenery.ts";

const HOSTS = 3;
const LEASE_MS = 3_000;
const CONCURRENCY = 4;
/** Every third item runs for longer than a lease. */
const ITEMS = 45;
const LONG_MS = 5_000;
const SHORT_MS = 1_200;
/** For timers on a busy machine. */
const SLACK_MS = 700;

interface Line {
  readonly what: string;
  readonly batch: string;
  readonly key: string;
  readonly at: number;
}

async function cutOff(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene);
  // PostgreSQL listens to this machine alone; the hosts come through a door that is open to them.
  const door = await FaultProxy.start({ port: Number(new URL(cluster.url).port), listenOn: "0.0.0.0" });
  scene.afterwards(() => door.close());
  const near = await openAt(scene, url);
  const hosts = Array.from({ length: HOSTS }, (_, index) => makeHost(scene, index));
  const workers = await Promise.all(hosts.map((host, index) => startOn(scene, host, { index, url, door })));
  const items = Array.from({ length: ITEMS }, (_, index) => ({
    key: `item-${index}`,
    input: { ms: index % 3 === 0 ? LONG_MS : SHORT_MS },
  }));
  const { batch, id } = await near.submit({ pipeline: "nothing", items });
  await until(batch, ({ counts }) => counts.processing === HOSTS * CONCURRENCY);
  hosts[0]?.cut();
  const cutAt = Date.now();
  const ended = await batch.done();
  scene.check("the batch ends by the others", [ended.counts.completed, ended.counts.total], [ITEMS, ITEMS]);
  checkFence(scene, { cutAt, id });
  hosts[0]?.mend();
  const { batch: next, id: nextId } = await near.submit({ pipeline: "nothing", items });
  await next.done();
  const isBack = linesOf(scene, 0).some((line) => line.batch === nextId && line.what === "end");
  scene.check("it is back and works", isBack, true);
  scene.check("what it said late changed nothing", await batch.snapshot(), ended);
  await checkLate(scene, { batch, cutAt, id, pid: workers[0]?.pid ?? 0 });
  await Promise.all(workers.map(stopWorker));
  scene.check("verify", await near.verify(), []);
}

interface Cut {
  readonly cutAt: number;
  /** The batch that ran meanwhile. */
  readonly id: string;
}

/** What ran on the host that was cut off was over before anybody else began it. */
function checkFence(scene: Scene, { cutAt, id }: Cut): void {
  const own = linesOf(scene, 0).filter((line) => line.batch === id);
  const others = [1, 2].flatMap((index) => linesOf(scene, index));
  const stopped = own.filter(({ what }) => what === "abort");
  scene.check("the host that was cut off stopped handlers", stopped.length > 0, true);
  const lastAt = Math.max(...stopped.map(({ at }) => at));
  scene.checkAtMost("milliseconds from the cut to the last of them", lastAt - cutAt, LEASE_MS + SLACK_MS);
  const open = own.filter(
    ({ what, key }) => what === "start" && !own.some((line) => line.key === key && line.what !== what),
  );
  scene.check("handlers that it let run on", open, []);
  const overAt = new Map(own.filter(({ what }) => what !== "start").map(({ key, at }) => [key, at]));
  const early = others.filter(({ what, key, at }) => what === "start" && at > cutAt && at < (overAt.get(key) ?? 0));
  scene.check("items that others began while they ran there", early, []);
}

/** What ended on the host while nobody could hear it was done again by another, and counts as his. */
async function checkLate(scene: Scene, { batch, cutAt, id, pid }: Cut & { batch: Batch; pid: number }): Promise<void> {
  const late = linesOf(scene, 0).filter((line) => line.batch === id && line.what === "end" && line.at > cutAt);
  scene.check("items that ended there after the cut", late.length > 0, true);
  const accepted: string[] = [];
  for (const { key } of late) {
    const completed = (await batch.item(key).attempts()).filter(({ outcome }) => outcome === "completed");
    if (completed.length !== 1 || completed[0]?.worker?.endsWith(`:${pid}`) === true) accepted.push(key);
  }
  scene.check("of these, what was recorded of that host", accepted, []);
}

async function startOn(
  scene: Scene,
  host: Host,
  { index, url, door }: { readonly index: number; readonly url: string; readonly door: FaultProxy },
): Promise<Child> {
  mkdirSync(scene.path(`host-${index}`));
  const args = [door.urlOf(url, host.gateway), scene.path(`host-${index}`), String(CONCURRENCY), String(LEASE_MS)];
  const worker = Child.script(scene, "cluster-worker.ts", args, { within: host.within });
  await worker.until(({ stdout }) => stdout.includes("working"));
  return worker;
}

/** What the handlers on a host noted. */
function linesOf(scene: Scene, index: number): readonly Line[] {
  const folder = scene.path(`host-${index}`);
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("");
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [what = "", batch = "", key = "", at = ""] = line.split(" ");
      return { what, batch, key, at: Number(at) };
    });
}

export const postgresNetworkFaults: readonly Fault[] = [
  {
    name: "postgres-host-cut-off",
    expected:
      "its handlers are stopped by its own lease before others begin its items; they go on, it comes back, what it says late is refused",
    isSlow: true,
    obstacle: networkObstacle,
    run: cutOff,
  },
];

if (import.meta.main) await runAlone(postgresNetworkFaults);
