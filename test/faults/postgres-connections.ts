/**
 * PostgreSQL behind a network that loses what it carries, and one that takes no more connections or no writes. Run alone:
 * `npx node test/faults/postgres-connections.ts [name]`.
 */
import { createServer } from "../../src/server/server.ts";
import type { FaultMode } from "../support/fault-proxy.ts";
import { type Fault, runAlone, type Scene } from "./support/fault.ts";
import { openAt, openPostgresIn, startWorkerAt, timed } from "./support/postgres-scenery.ts";
import { ledger, openGate, stopWorker, until } from "./support/scenery.ts";

/** Of a call, with some room for a busy machine. */
const CALL_MS = 10_000 + 1_500;
/** Until a worker with a lease of 1 s is known to be gone, and its items have another. */
const TAKEN_OVER_MS = 15_000;
const TOKEN = "a-token-of-the-faults";

async function silentConnection(scene: Scene, mode: FaultMode): Promise<void> {
  const { url, proxied, proxy } = await openPostgresIn(scene);
  const near = await openAt(scene, url);
  const far = await openAt(scene, proxied);
  await far.batches();
  const cutOff = await startWorkerAt(scene, proxied);
  const { batch } = await near.submit({ pipeline: "work", items: [{ key: "held", input: { gate: "go" } }] });
  await until(batch, ({ counts }) => counts.processing === 1);
  proxy.mode = mode;
  const silentAt = performance.now();
  const read = await timed(() => far.batches());
  scene.check("a call on a connection that was open", read.end, "STORE_UNAVAILABLE");
  scene.checkAtMost("milliseconds until it is given up", read.ms, CALL_MS);
  await startWorkerAt(scene, url);
  openGate(scene, "go");
  const ended = await batch.done();
  scene.checkAtMost("milliseconds until another worker has done the item", performance.now() - silentAt, TAKEN_OVER_MS);
  proxy.mode = "pass";
  scene.check("the call is answered again by itself", (await timed(() => far.batches())).end, "done");
  const { batch: next } = await near.submit({ pipeline: "work", items: ["a", "b"] });
  await next.done();
  scene.check("the first batch is as it was", (await batch.snapshot()).counts, ended.counts);
  const starts = ledger(scene).filter((line) => line.startsWith("start held"));
  scene.check("workers that started the item", new Set(starts).size, 2);
  await stopWorker(cutOff);
  scene.check("verify", await near.verify(), []);
}

async function lostCommits(scene: Scene): Promise<void> {
  const { url, proxied, proxy } = await openPostgresIn(scene);
  const near = await openAt(scene, url);
  const far = await openAt(scene, proxied);
  far.pipeline("work", () => "done");
  const losing = new Promise<void>((resolve) => {
    proxy.onLost = () => {
      proxy.mode = "pass";
      resolve();
    };
  });
  proxy.mode = "lost-reply";
  const request = { key: "order-1", fingerprint: "the same" };
  const { batch } = await far.submit({ pipeline: "work", items: ["a", "b"], request });
  await losing;
  scene.check("commits of the submission whose answers were lost", proxy.lost, 1);
  const again = await far.submit({ pipeline: "work", items: ["a", "b"], request });
  scene.check("batches after it was submitted again", (await near.batches()).batches.length, 1);
  scene.check("it is the same batch", again.id, (await batch.snapshot()).id);
  const worker = await far.work({ concurrency: 2, leaseMs: 30_000 });
  await batch.done();
  proxy.onLost = () => {
    if (proxy.lost >= LOST) proxy.mode = "pass";
  };
  proxy.mode = "lost-reply";
  const { batch: next } = await near.submit({ pipeline: "work", items: ["c", "d"] });
  const { counts } = await next.done();
  scene.check("answers that were lost", proxy.lost, LOST);
  scene.check("both items are completed", [counts.completed, counts.total], [2, 2]);
  const attempts = (await Promise.all(["c", "d"].map((key) => next.item(key).attempts()))).flat();
  const completed = attempts.filter(({ outcome }) => outcome === "completed");
  scene.check("attempts that ended completed", completed.length, 2);
  await worker.stop();
  scene.check("verify", await near.verify(), []);
}

/** The submission's, then claims and records: whatever comes. */
const LOST = 4;

async function serverOver(scene: Scene, url: string): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const milepost = await openAt(scene, url);
  const server = await createServer(milepost, { port: 0, token: TOKEN, files: scene.path("files") });
  scene.afterwards(() => server.close());
  const address = await server.listen();
  return (path, init = {}) =>
    fetch(new URL(path, address), {
      ...init,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    });
}

async function readOnly(scene: Scene): Promise<void> {
  const { cluster, url } = await openPostgresIn(scene);
  const call = await serverOver(scene, url);
  const submit = (key: string): Promise<Response> =>
    call("/api/batches", { method: "POST", body: JSON.stringify({ pipeline: "work", items: [{ key, input: {} }] }) });
  const made = (await (await submit("before")).json()) as { batchId: string };
  await cluster.sql("ALTER SYSTEM SET default_transaction_read_only = on");
  await cluster.sql("SELECT pg_reload_conf()");
  const refused = await untilAnswer(
    () => submit("while"),
    ({ status }) => status !== 202,
  );
  scene.check("a write", [refused.status, refused.headers.get("retry-after") !== null], [503, true]);
  scene.check("a read", (await call(`/api/batches/${made.batchId}`)).status, 200);
  const worker = await startWorkerAt(scene, url).catch((error: unknown) => String(error));
  scene.check("a worker that is started now says why it ends", /is it a standby/.test(String(worker)), true);
  await cluster.sql("ALTER SYSTEM RESET default_transaction_read_only");
  await cluster.sql("SELECT pg_reload_conf()");
  const accepted = await untilAnswer(
    () => submit("after"),
    ({ status }) => status === 202,
  );
  scene.check("a write, once it may again", accepted.status, 202);
  const near = await openAt(scene, url);
  await startWorkerAt(scene, url);
  const { counts } = await near.batch(made.batchId).done();
  scene.check("what was submitted before is done", counts.completed, 1);
  scene.check("verify", await near.verify(), []);
}

async function tooManyConnections(scene: Scene): Promise<void> {
  const { cluster, url, schema } = await openPostgresIn(scene);
  await (await openAt(scene, url)).batches();
  await cluster.sql("CREATE ROLE few LOGIN PASSWORD 'few'");
  await cluster.sql(`GRANT USAGE ON SCHEMA "${schema}" TO few`);
  await cluster.sql(`GRANT ALL ON ALL TABLES IN SCHEMA "${schema}" TO few`);
  const own = new URL(url);
  own.username = "few";
  own.password = "few";
  const call = await serverOver(scene, own.href);
  scene.check("a read while there is room", (await call("/api/batches")).status, 200);
  await cluster.sql("ALTER ROLE few CONNECTION LIMIT 0");
  await cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'few'");
  const refused = await untilAnswer(
    () => call("/api/batches"),
    ({ status }) => status !== 200,
  );
  scene.check("a read while there is none", [refused.status, refused.headers.get("retry-after") !== null], [503, true]);
  const text = await refused.text();
  scene.check("its answer says the password", text.includes("few:few"), false);
  await cluster.sql("ALTER ROLE few CONNECTION LIMIT -1");
  const answer = await untilAnswer(
    () => call("/api/batches"),
    ({ status }) => status === 200,
  );
  scene.check("a read when there is room again", answer.status, 200);
}

/** Asks until the answer is as wanted: the server learns of it when it next asks its database. */
async function untilAnswer(ask: () => Promise<Response>, isWanted: (answer: Response) => boolean): Promise<Response> {
  for (let asked = 1; ; asked++) {
    const answer = await ask();
    if (isWanted(answer) || asked === 200) return answer;
  }
}

export const postgresConnectionFaults: readonly Fault[] = [
  {
    name: "postgres-half-open",
    expected:
      "answers stop coming: calls fail within 10 s, the worker's items go to another, all goes on by itself after",
    isSlow: true,
    run: (scene) => silentConnection(scene, "half"),
  },
  {
    name: "postgres-blackhole",
    expected:
      "nothing gets through: calls fail within 10 s, the worker's items go to another, all goes on by itself after",
    isSlow: true,
    run: (scene) => silentConnection(scene, "blackhole"),
  },
  {
    name: "postgres-lost-commits",
    expected: "the answers to COMMITs are lost: one batch, each item completed once",
    run: lostCommits,
  },
  {
    name: "postgres-read-only",
    expected: "the server takes no writes: 503 with Retry-After, reads go on, writes by themselves once it does again",
    isSlow: true,
    run: readOnly,
  },
  {
    name: "postgres-too-many-connections",
    expected: "the role may open no more connections: 503 with Retry-After, and by itself again when it may",
    isSlow: true,
    run: tooManyConnections,
  },
];

if (import.meta.main) {
  const [wanted] = process.argv.slice(2);
  await runAlone(postgresConnectionFaults.filter(({ name }) => wanted === undefined || name.includes(wanted)));
}
