import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeFiles } from "../support/ingest.ts";
import { makePdf } from "../support/make-documents.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { SlowIndex } from "../support/slow-index.ts";
import { callMain } from "./support/call-main.ts";
import { CliRun, jsonLines, runCli } from "./support/run-cli.ts";

test("run documents and documents search: the same command goes on, hits have pages, text is escaped", async () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, "papers"));
  const { bytes, sentences } = await makePdf({ seed: 1, pages: 3 });
  writeFiles(join(cwd, "papers"), {
    "a.pdf": bytes,
    "again.pdf": bytes,
    "note.md": "# A note\n\nThe \u202elighthouse\u202c blinks.",
    "broken.pdf": "%PDF-1.7 not at all",
  });
  const run = (...args: readonly string[]) => runCli(args, { cwd });
  const command = ["run", "documents", "papers", "--index", "library.db"];
  const first = await run(...command);
  expect(first.stderr).toContain("named more than once and run once: 1 item");
  expect(first.stdout).toMatch(/^documents-library.db-[0-9a-f]{8}: completed \(partial\): 2 completed, 1 failed; /);
  expect(first.stdout).toContain("the PDF is damaged: it cannot be opened (INVALID_DOCUMENT), such as broken.pdf\n");
  expect(first.status).toBe(1);
  const again = await run(...command);
  expect(again.stderr).toContain("done already; nothing is redone");
  const batch = first.stdout.split(":")[0] ?? "";
  expect((await callMain(["failures", batch], cwd)).stdout).toContain(", such as broken.pdf\n");
  expect((await callMain(["items", batch, "--state", "failed"], cwd)).stdout).toMatch(
    /failed +1 +broken\.pdf +the PDF is damaged/,
  );

  const { text, page } = sentences[2] ?? { text: "", page: 0 };
  const found = await run("documents", "search", text, "--json");
  expect(found.status).toBe(0);
  const [{ hits }] = jsonLines(found.stdout) as [{ hits: readonly Record<string, unknown>[] }];
  expect(hits[0]).toMatchObject({ page, document: { filename: expect.stringMatching(/^(a|again)\.pdf$/) } });
  const shown = await run("documents", "search", "the", "lighthouse", "--limit", "1");
  expect(shown.stdout).toBe("note.md\n  A note The \\u{202e}lighthouse\\u{202c} blinks.\n");
  expect(await run("documents", "search", "zzzz", "--limit", "1")).toMatchObject({ status: 0 });
  expect(await run("documents", "search", "a", "--index", "none.db")).toMatchObject({ status: 3 });
});

test("what is no index, or has lost what was stored in it, is refused before anything is submitted", async () => {
  const cwd = temporaryFolder();
  writeFiles(cwd, { "a.md": "# A note", "empty.db": "" });
  const refused = await callMain(["run", "documents", "a.md", "--index", "a.md"], cwd);
  expect(refused).toMatchObject({ status: 4, stdout: "" });
  expect(refused.stderr).toContain("Expected an index of documents, found a file of another kind");
  expect(readdirSync(cwd).sort()).toEqual(["a.md", "empty.db"]);
  const run = ["run", "documents", "a.md", "--index", "empty.db"];
  expect(await callMain(run, cwd)).toMatchObject({ status: 0 });

  for (const ending of ["", "-wal", "-shm"]) rmSync(join(cwd, `empty.db${ending}`), { force: true });
  const lost = await callMain(run, cwd);
  expect(lost.stderr).toMatch(/is gone, and batch \S+ has stored 1 document in it\. .*: milepost remove \S+\n$/);
  const name = /milepost remove (\S+)/.exec(lost.stderr)?.[1] ?? "";
  expect(await callMain(["remove", name], cwd)).toMatchObject({ status: 0 });
  expect(await callMain(run, cwd)).toMatchObject({ status: 0 });
  expect(existsSync(join(cwd, "empty.db"))).toBe(true);
});

test("Ctrl-C ends a search with 130, with nothing printed", async () => {
  const search = ["documents", "search", "a", "--index", "none.db"];
  const ended = await callMain(search, temporaryFolder(), undefined, "SIGINT");
  expect(ended).toEqual({ status: 130, stdout: "", stderr: "" });
});

test("Ctrl-C ends a search at once within a statement of SQLite, and its process with it", async () => {
  const cwd = temporaryFolder();
  const slow = await SlowIndex.make(cwd);
  const search = new CliRun(["documents", "search", "juniper"], { cwd });
  await slow.until(true);
  search.child.kill("SIGINT");
  expect(await search.ended).toEqual({ status: 130, stdout: "", stderr: "" });
  await slow.until(false);
});
