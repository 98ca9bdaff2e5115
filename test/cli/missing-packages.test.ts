import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runCli } from "./support/run-cli.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "milepost-cli-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** For a process in which this package is not installed. */
function without(name: string): Readonly<Record<string, string>> {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(specifier, context, next) {
      if (specifier === ${JSON.stringify(name)}) throw new Error("not installed");
      return next(specifier, context);
    } });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`, PATH: "" };
}

it.each([
  ["sharp", "images", "a.jpg"],
  ["sqlite-vec", "documents", "a.md"],
  ["@napi-rs/canvas", "karaoke", "a.json"],
  ["@napi-rs/webcodecs", "karaoke", "a.json"],
])("without %s, run %s says what to install and makes no store", async (name, work, file) => {
  await writeFile(join(folder, file), "of no matter");
  const { status, stdout, stderr } = await runCli(["run", work, file], { cwd: folder, env: without(name) });
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(new RegExp(`^milepost: [^\n]*npm install ${name}[^\n]*\n$`));
  expect(await readdir(folder)).toEqual([file]);
});
