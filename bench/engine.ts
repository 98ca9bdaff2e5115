/**
 * What the engine costs over raw `node:sqlite` making the same row changes by hand, in turn A B A B.
 *
 *   npm run bench -- engine [--items 1000000] [--rounds 3] [--concurrency 100] [--json]
 *
 * `raw` inserts the items in chunks of 1,000, then in chunks of 100 marks them processing, marks them completed and moves
 * a counter: no unique keys, tokens, versions, feed, attempts or workers. `engine` submits a stream of the same names and
 * drains them through no-op handlers, every guarantee on. Ratios are engine / raw within one round; higher is better.
 */
import { statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { openMilepost } from "../src/index.ts";
import { show, summaryOf } from "./summary.ts";

const { values } = parseArgs({
  options: {
    items: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    concurrency: { type: "string", default: "100" },
    json: { type: "boolean", default: false },
  },
});
const items = Number(values.items);
const concurrency = Number(values.concurrency);

interface Rates {
  readonly createPerSecond: number;
  readonly drainPerSecond: number;
  readonly lifePerSecond: number;
}

function* names(): Generator<string> {
  for (let index = 0; index < items; index++)
    yield `photos/2026/holiday-in-the-mountains/image-${String(index).padStart(12, "0")}.jpg`;
}

function toRates(createMs: number, drainMs: number): Rates {
  const perSecond = (ms: number): number => Math.round((1_000 * items) / ms);
  return {
    createPerSecond: perSecond(createMs),
    drainPerSecond: perSecond(drainMs),
    lifePerSecond: perSecond(createMs + drainMs),
  };
}

function raw(path: string): Rates {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;
    CREATE TABLE items (id INTEGER PRIMARY KEY, key TEXT NOT NULL, state INTEGER NOT NULL);
    CREATE TABLE counters (completed INTEGER NOT NULL); INSERT INTO counters VALUES (0);
    CREATE INDEX ready ON items (id) WHERE state = 0;`);
  const insert = db.prepare("INSERT INTO items (key, state) VALUES (?, 0)");
  const claim = db.prepare(
    "UPDATE items SET state = 1 WHERE id IN (SELECT id FROM items WHERE state = 0 ORDER BY id LIMIT 100) RETURNING id, key",
  );
  const finish = db.prepare("UPDATE items SET state = 2 WHERE id = ? AND state = 1");
  const count = db.prepare("UPDATE counters SET completed = completed + ?");
  const startedAt = performance.now();
  let inChunk = 0;
  for (const name of names()) {
    if (inChunk === 0) db.exec("BEGIN IMMEDIATE");
    insert.run(name);
    inChunk = (inChunk + 1) % 1_000;
    if (inChunk === 0) db.exec("COMMIT");
  }
  if (db.isTransaction) db.exec("COMMIT");
  const createdAt = performance.now();
  for (;;) {
    const claimed = claim.all() as { id: number }[];
    if (claimed.length === 0) break;
    db.exec("BEGIN IMMEDIATE");
    for (const { id } of claimed) finish.run(id);
    count.run(claimed.length);
    db.exec("COMMIT");
  }
  const rates = toRates(createdAt - startedAt, performance.now() - createdAt);
  db.close();
  return rates;
}

interface EngineRun extends Rates {
  /** Exact counts of the whole batch, read 1,000 times. */
  readonly statusMs: number;
  readonly bytesPerItem: number;
  readonly rssMb: number;
}

async function engine(path: string): Promise<EngineRun> {
  const milepost = await openMilepost(path);
  milepost.pipeline("nothing", () => {});
  const startedAt = performance.now();
  const { batch } = await milepost.submit({ pipeline: "nothing", items: names() });
  const createdAt = performance.now();
  await milepost.work({ concurrency });
  await batch.done();
  const drainedAt = performance.now();
  for (let look = 0; look < 1_000; look++) await batch.snapshot();
  const statusMs = (performance.now() - drainedAt) / 1_000;
  const rssMb = Math.round(process.memoryUsage().rss / 1e6);
  await milepost.close();
  return {
    ...toRates(createdAt - startedAt, drainedAt - createdAt),
    statusMs,
    rssMb,
    bytesPerItem: Math.round(statSync(path).size / items),
  };
}

const scratch = await mkdtemp(join(tmpdir(), "milepost-bench-"));
try {
  const rounds: { raw: Rates; engine: EngineRun }[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    rounds.push({
      raw: raw(join(scratch, `raw-${round}.db`)),
      engine: await engine(join(scratch, `engine-${round}.db`)),
    });
  }
  const ratio = (rate: keyof Rates): ReturnType<typeof summaryOf> =>
    summaryOf(rounds.map((run) => run.engine[rate] / run.raw[rate]));
  const ratios = {
    createToRaw: ratio("createPerSecond"),
    drainToRaw: ratio("drainPerSecond"),
    lifeToRaw: ratio("lifePerSecond"),
  };
  if (values.json) {
    const versions = { node: process.versions.node, sqlite: process.versions.sqlite };
    console.log(JSON.stringify({ bench: "engine", items, concurrency, versions, runs: rounds, ratios }));
  } else {
    console.log(`engine: ${items} no-op items, ${concurrency} at once, ${rounds.length} rounds`);
    for (const [name, summary] of Object.entries(ratios)) console.log(`${name.padEnd(12)} ${show(summary, 3)}`);
    for (const key of [
      "createPerSecond",
      "drainPerSecond",
      "lifePerSecond",
      "statusMs",
      "bytesPerItem",
      "rssMb",
    ] as const) {
      console.log(
        `${key.padEnd(16)} ${show(summaryOf(rounds.map((run) => run.engine[key])), key === "statusMs" ? 4 : 0)}`,
      );
    }
    console.log(`raw drain/s      ${show(summaryOf(rounds.map((run) => run.raw.drainPerSecond)), 0)}`);
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}
