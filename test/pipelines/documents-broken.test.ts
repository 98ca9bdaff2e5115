import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { brokenDocuments, busyPdf } from "../support/broken-documents.ts";
import { ingest, writeFiles } from "../support/ingest.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

test("broken, hostile, empty and encrypted documents end with a code and a reason, and harm no other", async () => {
  const folder = temporaryFolder();
  const index = join(folder, "library.db");
  const broken = await brokenDocuments();
  const files = Object.fromEntries(Object.entries(broken).map(([name, { bytes }]) => [name, bytes]));
  const paths = writeFiles(folder, { ...files, "good.txt": "All is well with this one." });
  const { items } = await ingest(
    paths,
    { index },
    { limits: { stepMs: 6_000, storingMs: 60_000, threadMemoryMb: 512 } },
  );
  const nameOf = (item: (typeof items)[number]): string => (item.input as { filename: string }).filename;
  const wrong = items.flatMap((item) => {
    const end = item.state === "completed" ? "completed" : (item.error?.code ?? "no code");
    const { ends } = broken[nameOf(item)] ?? { ends: ["completed"] };
    return ends.includes(end) ? [] : [`${nameOf(item)}: ${end} ${item.error?.message}; expected ${ends.join(", ")}`];
  });
  expect(wrong).toEqual([]);
  expect(items.find((item) => nameOf(item) === "good.txt")?.state).toBe("completed");
  for (const { error } of items) if (error !== null) expect(error.message).not.toContain(folder);

  // What failed left nothing behind.
  const db = new DatabaseSync(index);
  const completed = items.filter(({ state }) => state === "completed").length;
  expect(db.prepare("SELECT count(*) AS n FROM documents").get()?.n).toBe(completed);
  expect(db.prepare("SELECT count(*) AS n FROM draft_pages").get()?.n).toBe(0);
  db.close();
});

test("a page that is too much work ends by the processor time that it takes", async () => {
  const folder = temporaryFolder();
  const paths = writeFiles(folder, { "busy.pdf": busyPdf() });
  const limits = { stepMs: 500, storingMs: 60_000, threadMemoryMb: 512 };
  const { items } = await ingest(paths, { index: join(folder, "library.db") }, { limits });
  expect(items[0]?.error?.code).toBe("INVALID_DOCUMENT");
  expect(items[0]?.error?.message).toMatch(/processor time/);
});
