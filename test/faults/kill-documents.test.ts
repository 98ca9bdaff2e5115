import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openLibrary, openMilepost } from "../../src/index.ts";
import { makePdf } from "../support/make-documents.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const PAGES = [40, 3, 24, 1, 12, 6];
const KILLS = 10;

function run(folder: string): ChildProcess {
  const args = ["run", "documents", "in", "--index", "library.db", "--name", "papers", "--json", "--concurrency", "2"];
  const child = spawn(process.execPath, [main, ...args, "--store", "work.db"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** How many pages the index has kept, those of drafts included; 0 before it is there. */
function pagesIn(index: string): number {
  try {
    const db = new DatabaseSync(index, { readOnly: true });
    try {
      return Number(db.prepare("SELECT count(*) AS n FROM pages").get()?.n);
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
}

/** What each document gave the searched tables: whole, or nothing. */
function wholeness(index: string): readonly Record<string, unknown>[] {
  const db = new DatabaseSync(index, { readOnly: true });
  const rows = db
    .prepare(
      `SELECT filename, stored_at IS NOT NULL AS isStored, total_pages AS totalPages,
         (SELECT count(*) FROM pages WHERE document = d.id) AS pages,
         (SELECT count(*) FROM chunks WHERE document = d.id) AS chunks, num_chunks AS numChunks,
         (SELECT count(*) FROM chunk_words_docsize WHERE id IN (SELECT id FROM chunks WHERE document = d.id)) AS words,
         (SELECT count(*) FROM chunk_vectors_rowids WHERE rowid IN (SELECT id FROM chunks WHERE document = d.id)) AS vectors,
         (SELECT count(*) FROM page_vectors_rowids WHERE rowid IN (SELECT id FROM pages WHERE document = d.id)) AS pageVectors
       FROM documents d ORDER BY filename`,
    )
    .all();
  db.close();
  return rows;
}

test("kill -9 ten times while documents are taken in: pages are not read again, nothing is half there or there twice", async () => {
  const folder = temporaryFolder();
  const index = join(folder, "library.db");
  const made = await Promise.all(PAGES.map((pages, seed) => makePdf({ seed, pages })));
  mkdirSync(join(folder, "in"));
  for (const [at, { bytes }] of made.entries()) writeFileSync(join(folder, "in", `${at}.pdf`), bytes);
  const all = PAGES.reduce((sum, pages) => sum + pages, 0);

  let kept = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = run(folder);
    // Each life gets some pages further, and none goes back.
    while (pagesIn(index) < Math.min(all, kept + 3) && child.exitCode === null) await setTimeout(5);
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    expect(pagesIn(index)).toBeGreaterThanOrEqual(kept);
    kept = pagesIn(index);
    for (const row of wholeness(index)) {
      if (row.isStored === 0) expect(row).toMatchObject({ words: 0, vectors: 0, pageVectors: 0 });
      else expect(row).toMatchObject({ pages: row.totalPages, chunks: row.numChunks, words: row.numChunks });
    }
  }
  expect(kept).toBeLessThan(all);
  const last = run(folder);
  expect(await once(last, "exit")).toEqual([0, null]);

  const rows = wholeness(index);
  expect(rows.map(({ filename, totalPages }) => [filename, totalPages])).toEqual(
    PAGES.map((pages, at) => [`${at}.pdf`, pages]),
  );
  for (const row of rows) {
    expect(row).toMatchObject({ isStored: 1, pages: row.totalPages, pageVectors: row.totalPages });
    expect(row).toMatchObject({ chunks: row.numChunks, words: row.numChunks, vectors: row.numChunks });
  }
  await using milepost = await openMilepost(join(folder, "work.db"));
  expect(await milepost.verify()).toEqual([]);
  const batch = milepost.batch("papers");
  expect(await batch.snapshot()).toMatchObject({ outcome: "success", counts: { completed: PAGES.length } });
  using library = await openLibrary(index);
  for (const item of (await batch.items()).items) {
    const { documentId, totalPages, numChunks } = item.output as Record<string, unknown>;
    expect(await library.document(item.key)).toMatchObject({ id: documentId, totalPages, numChunks });
  }
  for (const [at, { sentences }] of made.entries()) {
    for (const { page, text } of sentences) {
      const [hit] = await library.search(text, { limit: 1 });
      expect([hit?.document.filename, hit?.page]).toEqual([`${at}.pdf`, page]);
    }
  }
});
