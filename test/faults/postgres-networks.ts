/**
 * Workers on hosts with addresses of their own, of which one is cut off. Needs root on Linux. Run alone:
 * `npx node test/faults/postgres-networks.ts`.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FaultProxy } from "../support/fault-proxy.ts";
import { Child } from "./support/child.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { type Host, makeHost, networkObstacle } from "./support/network.ts";
import { openAt, openPostgresIn } from "./support/postgres-scenery.ts";
import { stopWorker, until } from "./support/scenery.ts";

const HOSTS = 3;
const LEASE_MS = 3_000;
const CONCURRENCY = 4;
const ITEMS = 150;
const ITEM_MS = 600;
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
  const { batch, id } = await near.submit({ pipeline: "nothing", items: keys(ITEMS), options: { ms: ITEM_MS } });
  await until(batch, ({ counts }) => counts.completed >= ITEMS / 5);
  const [lonely] = hosts;
  lonely?.cut();
  const cutAt = Date.now();
  const { counts } = await batch.done();
  scene.check("the batch ends by the others", [counts.completed, counts.total], [ITEMS, ITEMS]);
  const own = linesOf(scene, 0).filter(({ batch: of }) => of === id);
  const others = [1, 2].flatMap((index) => linesOf(scene, index));
  const held = own.filter(
    ({ what, key, at }) =>
      what === "start" &&
      !own.some((line) => line.key === key && line.what === "end" && line.at < cutAt) &&
      at <= cutAt + LEASE_MS,
  );
  scene.check("the one that was cut off had items", held.length > 0, true);
  scene.checkAtMost(
    "milliseconds until it began its last item",
    Math.max(...own.filter(({ what }) => what === "start").map(({ at }) => at)) - cutAt,
    LEASE_MS + SLACK_MS,
  );
  const running = own.filter(
    ({ what, key }) => what === "start" && !own.some((line) => line.key === key && line.what !== "start"),
  );
  scene.check("handlers that it let run on", running, []);
  const taken = held.flatMap(({ key }) => others.filter((line) => line.key === key && line.what === "start"));
  scene.check("others have done its items", new Set(taken.map(({ key }) => key)).size > 0, true);
  const overlaps = taken.filter(
    ({ key, at }) => (own.findLast((line) => line.key === key && line.what !== "start")?.at ?? 0) > at,
  );
  scene.check("items that ran there when another had begun them", overlaps, []);
  lonely?.mend();
  const { batch: next, id: nextId } = await near.submit({
    pipeline: "nothing",
    items: keys(ITEMS),
    options: { ms: ITEM_MS },
  });
  await next.done();
  scene.check(
    "it is back and works",
    linesOf(scene, 0).some(({ batch: of, what }) => of === nextId && what === "end"),
    true,
  );
  const after = await batch.snapshot();
  scene.check(
    "what it said late changed nothing",
    [after.counts.completed, after.endedAt],
    [ITEMS, (await batch.done()).endedAt],
  );
  const twice: string[] = [];
  for (const key of keys(ITEMS)) {
    const attempts = await batch.item(key).attempts();
    if (attempts.filter(({ outcome }) => outcome === "completed").length !== 1) twice.push(key);
  }
  scene.check("items that were not completed exactly once", twice, []);
  await Promise.all(workers.map(stopWorker));
  scene.check("verify", await near.verify(), []);
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

function keys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `item-${index}`);
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
