import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ATTEMPT_OUTCOMES } from "../../../src/core/item.ts";
import type { ImageOutput } from "../../../src/pipelines/images/images-pipeline.ts";
import type { Scene } from "../support/fault.ts";
import type { FeedCopy } from "./feed-copy.ts";
import type { Scenery } from "./scenery.ts";

/** A batch that went through the troubles, and what a reader of its feed made of it. */
export interface Followed {
  readonly what: string;
  readonly id: string;
  readonly items: number;
  readonly copy: FeedCopy;
}

/** Compares what the store says in the end with a recount, with what a reader was told, and with what is there. */
export async function auditBatch(scene: Scene, scenery: Scenery, { what, id, items, copy }: Followed): Promise<void> {
  const { counts, outcome } = await scenery.milepost.batch(id).snapshot();
  scene.check(
    `${what}: outcome, total and completed`,
    [outcome, counts.total, counts.completed],
    ["success", items, items],
  );
  const { cluster, schema } = scenery;
  const [row] = await cluster.sql(`SELECT number FROM "${schema}".batches WHERE id = $1`, [id]);
  const twice = await cluster.sql(
    `SELECT i.key, a.token, a.outcome, i.token AS last FROM "${schema}".attempts AS a
     JOIN "${schema}".items AS i USING (batch, ordinal)
     WHERE batch = $1 AND (a.outcome = $2 OR a.token >= i.token) ORDER BY ordinal LIMIT 10`,
    [row?.number, ATTEMPT_OUTCOMES.indexOf("completed")],
  );
  scene.check(`${what}: items that were completed twice, or under a token that had been used`, twice, []);
  const wrong: string[] = [];
  let seen = 0;
  for await (const item of itemsOf(scenery, Number(row?.number))) {
    seen += 1;
    const told = copy.items.get(item.key);
    if (told?.state === "completed" && told.version === item.version) continue;
    if (wrong.length < 10) wrong.push(`${item.key} at ${item.version}, told ${JSON.stringify(told ?? null)}`);
  }
  scene.check(`${what}: items of which the reader was told otherwise, or nothing`, wrong, []);
  scene.check(`${what}: items in the reader's copy`, copy.items.size, seen);
  scene.check(
    `${what}: items told in an older version than before, and lost cursors`,
    [copy.repeats, copy.resets],
    [0, 0],
  );
}

const PAGE = 50_000;

async function* itemsOf(
  { cluster, schema }: Scenery,
  batch: number,
): AsyncGenerator<{ readonly key: string; readonly version: number }> {
  for (let after = -1; ; ) {
    const rows = await cluster.sql(
      `SELECT ordinal, key, version::float8 AS version FROM "${schema}".items WHERE batch = $1 AND ordinal > $2
       ORDER BY ordinal LIMIT ${PAGE}`,
      [batch, after],
    );
    for (const { key, version } of rows) yield { key: String(key), version: Number(version) };
    if (rows.length < PAGE) return;
    after = Number(rows.at(-1)?.ordinal);
  }
}

/** Every image of the batch is there once, and nothing beside them. Returns what else was seen, for people. */
export async function auditImages(scene: Scene, scenery: Scenery, batch: { id: string; out: string }): Promise<string> {
  const paths = new Set<string>();
  let missing = 0;
  for (let after: string | null | undefined; after !== null; ) {
    const page = await scenery.milepost.batch(batch.id).items({ limit: 1_000, ...(after !== undefined && { after }) });
    for (const { output } of page.items) {
      const { path } = (output ?? { path: "" }) as ImageOutput;
      paths.add(path);
      if (!existsSync(path)) missing += 1;
    }
    after = page.nextCursor;
  }
  scene.check("images: outputs that are not there", missing, 0);
  const files = readdirSync(batch.out);
  const strangers = files.filter((name) => !paths.has(join(batch.out, name)));
  const temporary = strangers.filter((name) => name.includes(".tmp"));
  scene.check("images: files that no item made", strangers.length - temporary.length, 0);
  // A kill between two lines of a converter leaves one, which is never taken for an image.
  return `temporary files left by what was killed: ${temporary.length}`;
}

/** Every item that is completed has been run to its end by some worker. Returns what else was seen, for people. */
export function auditLedgers(scene: Scene, batch: { readonly id: string; readonly items: number }): string {
  const ended = new Set<string>();
  let ends = 0;
  for (const name of readdirSync(scene.path("ledgers"))) {
    for (const line of readFileSync(join(scene.path("ledgers"), name), "utf8").split("\n")) {
      const [what, id, key = ""] = line.split(" ");
      if (what !== "end" || id !== batch.id) continue;
      ended.add(key);
      ends += 1;
    }
  }
  scene.check("no-ops: items whose handler ended", ended.size, batch.items);
  return `runs beyond one an item: ${ends - batch.items}`;
}
