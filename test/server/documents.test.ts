import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { documentsPipeline } from "../../src/pipelines/documents/documents-pipeline.ts";
import { imagesPipeline } from "../../src/pipelines/images/images-pipeline.ts";
import { SERVER_LIMITS } from "../../src/server/settings.ts";
import { PROBLEMS } from "../../src/wire/problem.ts";
import { makePdf } from "../support/make-documents.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { startServer, TOKEN } from "./support/start-server.ts";

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), "utf8");
const page = read("http.md");
const run = promisify(execFile);
const hasCurl = await run("curl", ["--version"]).then(
  () => true,
  () => false,
);

/** The rows of the table under a heading, without its head. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

describe("docs/http.md", () => {
  test("names every limit with its default", () => {
    const expected = Object.entries(SERVER_LIMITS).map(([name, value]) => [
      `\`${name}\``,
      value.toLocaleString("en-US"),
    ]);
    expect(
      rowsUnder("Limits")
        .map((row) => row.slice(0, 2))
        .sort(),
    ).toEqual(expected.sort());
  });

  test("names every problem with its status and title", () => {
    const expected = Object.entries(PROBLEMS).map(([name, { status, title }]) => [
      `\`${name}\``,
      String(status),
      title,
    ]);
    expect(rowsUnder("Refusals")).toEqual(expected);
  });

  test.skipIf(!hasCurl)("its examples run (needs curl)", async () => {
    const folder = temporaryFolder();
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background: "#456" } });
    writeFileSync(join(folder, "photo.png"), await image.png().toBuffer());
    const stdout = await runExamples(page, folder);
    expect(stdout).toContain("event: end");
    expect(stdout).toContain('"status":"completed"');
    expect(stdout).toContain('"filename":"tides.md"');
    expect(stdout).toContain('{"status":"ok"}');
    expect(stdout).toContain("milepost_items_submitted_total");
    expect(stdout).toContain('"name":"run-2"');
    expect(readFileSync(join(folder, "outputs.zip")).subarray(0, 2).toString()).toBe("PK");
  });
});

describe("docs/documents.md", () => {
  test.skipIf(!hasCurl)("its examples over HTTP run (needs curl)", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "paper.pdf"), (await makePdf({ seed: 1, pages: 1 })).bytes);
    writeFileSync(join(folder, "notes.md"), "Tidal energy comes twice a day.");
    const stdout = await runExamples(read("documents.md"), folder);
    expect(stdout).toContain("event: end");
    expect(stdout).toContain('"filename":"paper.pdf"');
    expect(stdout).toContain('{"removed":0}');
    expect(readFileSync(join(folder, "hits.json"), "utf8")).toContain('"filename":"notes.md"');
    expect(readFileSync(join(folder, "page.jpg")).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  });
});

/** Runs the examples of a page that call the server, in a folder, against one that works; returns what they print. */
async function runExamples(text: string, cwd: string): Promise<string> {
  const { milepost, url } = await startServer({ store: "sqlite" });
  milepost.pipeline(imagesPipeline());
  milepost.pipeline(documentsPipeline());
  await milepost.work({ concurrency: 2 });
  const examples = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  const script = examples.filter((example) => example.includes("curl")).join("\n");
  const { stdout } = await run("sh", ["-eu", "-c", script], { cwd, env: { ...process.env, URL: url, TOKEN } });
  return stdout;
}
