import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openLibrary, openMilepost } from "../../src/index.ts";
import type { MadePdf } from "./make-documents.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LOOK_MS = 5;

export interface Kill {
  /** So many pages more than the life before had kept must be there first. */
  readonly pages: number;
  /** And then so many milliseconds must pass. */
  readonly delayMs: number;
}

/**
 * Takes PDFs in by the command line in `folder`, kills it so often and so late, and lets the last life finish. Returns what index and status
 * do not agree on, after each kill and at the end; the documents are `<n>.pdf`, all of them sound.
 */
export async function killIngestion(
  folder: string,
  made: readonly MadePdf[],
  options: { readonly kills: readonly Kill[]; readonly onChild: (child: ChildProcess) => void },
): Promise<readonly string[]> {
  const index = join(folder, "library.db");
  mkdirSync(join(folder, "in"));
  for (const [at, { bytes }] of made.entries()) writeFileSync(join(folder, "in", `${at}.pdf`), bytes);
  const wrong: string[] = [];
  let kept = 0;
  for (const [life, { pages, delayMs }] of options.kills.entries()) {
    const child = begin(folder);
    options.onChild(child);
    const ended = once(child, "exit");
    while (pagesIn(index) < kept + pages && child.exitCode === null) await setTimeout(LOOK_MS);
    await setTimeout(delayMs);
    child.kill("SIGKILL");
    const [, signal] = await ended;
    if (signal !== "SIGKILL") wrong.push(`life ${life + 1} ended before it was killed`);
    const now = pagesIn(index);
    if (now < kept) wrong.push(`life ${life + 1} lost ${kept - now} pages`);
    kept = now;
    wrong.push(...halves(index).map((what) => `after kill ${life + 1}: ${what}`));
  }
  const last = begin(folder);
  options.onChild(last);
  const [status] = await once(last, "exit");
  if (status !== 0) wrong.push(`the last life ended with ${status}`);
  return [...wrong, ...halves(index), ...(await disagreements(folder, made))];
}

function begin(folder: string): ChildProcess {
  const args = ["run", "documents", "in", "--index", "library.db", "--name", "papers", "--json", "--concurrency", "2"];
  return spawn(process.execPath, [MAIN, ...args, "--store", "work.db"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
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

/** Documents that gave the searched tables neither all nor nothing, and rows there of no document. */
function halves(index: string): readonly string[] {
  const db = new DatabaseSync(index, { readOnly: true });
  try {
    const documents = db
      .prepare(
        `SELECT filename, stored_at IS NOT NULL AS isStored, total_pages AS totalPages, num_chunks AS numChunks,
           (SELECT count(*) FROM pages WHERE document = d.id) AS pages,
           (SELECT count(*) FROM chunks WHERE document = d.id) AS chunks,
           (SELECT count(*) FROM chunk_words_docsize WHERE id IN (SELECT id FROM chunks WHERE document = d.id)) AS words,
           (SELECT count(*) FROM chunk_vectors_rowids WHERE rowid IN (SELECT id FROM chunks WHERE document = d.id)) AS vectors,
           (SELECT count(*) FROM page_vectors_rowids WHERE rowid IN (SELECT id FROM pages WHERE document = d.id)) AS pictures
         FROM documents d`,
      )
      .all();
    const wrong = documents.filter(({ isStored, totalPages, numChunks, pages, chunks, words, vectors, pictures }) =>
      isStored === 0
        ? words !== 0 || vectors !== 0 || pictures !== 0
        : pages !== totalPages || pictures !== totalPages || [chunks, words, vectors].some((n) => n !== numChunks),
    );
    const strays = db
      .prepare(
        `SELECT (SELECT count(*) FROM chunk_words_docsize WHERE id NOT IN (SELECT id FROM chunks)) AS words,
           (SELECT count(*) FROM chunk_vectors_rowids WHERE rowid NOT IN (SELECT id FROM chunks)) AS vectors,
           (SELECT count(*) FROM page_vectors_rowids WHERE rowid NOT IN (SELECT id FROM pages)) AS pictures,
           (SELECT count(*) FROM pages WHERE document NOT IN (SELECT id FROM documents)) AS pages`,
      )
      .all()
      .filter((row) => Object.values(row).some((n) => n !== 0));
    return [...wrong, ...strays].map((row) => JSON.stringify(row));
  } finally {
    db.close();
  }
}

/** What the store says of the documents against what is in the index, and sentences that are not found on their page. */
async function disagreements(folder: string, made: readonly MadePdf[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  await using milepost = await openMilepost(join(folder, "work.db"));
  wrong.push(...(await milepost.verify()).map((finding) => JSON.stringify(finding)));
  const batch = milepost.batch("papers");
  const { outcome, counts } = await batch.snapshot();
  if (outcome !== "success" || counts.completed !== made.length) wrong.push(`${outcome}: ${JSON.stringify(counts)}`);
  using library = await openLibrary(join(folder, "library.db"));
  const stored = await library.documents();
  if (stored.length !== made.length) wrong.push(`${stored.length} documents in the index`);
  for (const { key, output } of (await batch.items({ limit: 1_000 })).items) {
    const { documentId, totalPages, numChunks } = output as Record<string, unknown>;
    const there = await library.document(key);
    if (there?.id !== documentId || there?.totalPages !== totalPages || there?.numChunks !== numChunks)
      wrong.push(`${JSON.stringify(output)} is ${JSON.stringify(there)} in the index`);
  }
  for (const [at, { sentences }] of made.entries()) {
    for (const { page, text } of sentences) {
      const [hit] = await library.search(text, { limit: 1 });
      if (hit?.document.filename !== `${at}.pdf` || hit.page !== page) wrong.push(`${at}.pdf, page ${page}: ${text}`);
    }
  }
  return wrong;
}
