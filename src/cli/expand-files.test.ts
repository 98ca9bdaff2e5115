import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { expandFiles } from "./expand-files.ts";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "milepost-expand-"));
  await mkdir(join(cwd, "b/deep"), { recursive: true });
  await mkdir(join(cwd, "b/.hidden"), { recursive: true });
  await mkdir(join(cwd, "b/out"), { recursive: true });
  const names = ["z.jpg", "a.PNG", "[1].jpg", "b/2.jpg", "b/10.jpg", "b/deep/x.webp", "b/notes.txt", "b/.hidden/h.jpg"];
  for (const name of [...names, "b/out/made.jpg"]) await writeFile(join(cwd, name), "");
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function expand(names: readonly string[], isLiteral = false): Promise<readonly (readonly string[])[]> {
  const options = { cwd, extensions: new Set([".jpg", ".png", ".webp"]), exclude: join(cwd, "b/out"), isLiteral };
  const { files, missing } = await expandFiles(names, options);
  return [files.map((file) => file.slice(cwd.length + 1)), missing];
}

it("takes images from folders, sorted, without hidden entries and outputs", async () => {
  expect(await expand(["b"])).toEqual([["b/10.jpg", "b/2.jpg", "b/deep/x.webp"], []]);
});

it("keeps the order of names and takes each file once", async () => {
  expect(await expand(["z.jpg", "b/2.jpg", "b", "./z.jpg"])).toEqual([
    ["z.jpg", "b/2.jpg", "b/10.jpg", "b/deep/x.webp"],
    [],
  ]);
});

it("takes a named file whatever its extension", async () => {
  expect(await expand(["b/notes.txt"])).toEqual([["b/notes.txt"], []]);
});

it("expands patterns, sorted, but never a name that exists", async () => {
  expect(await expand(["b/*.jpg", "[1].jpg", "**/*.webp"])).toEqual([
    ["b/10.jpg", "b/2.jpg", "[1].jpg", "b/deep/x.webp"],
    [],
  ]);
});

it("tells names and patterns that stand for nothing", async () => {
  expect(await expand(["gone.jpg", "*.tiff", ""])).toEqual([[], ["gone.jpg", "*.tiff", ""]]);
  expect(await expand(["b/*.jpg"], true)).toEqual([[], ["b/*.jpg"]]);
});

it("follows links to files, not to folders inside a folder", async () => {
  await mkdir(join(cwd, "links"));
  await symlink(join(cwd, "z.jpg"), join(cwd, "links/to-file.jpg"));
  await symlink(cwd, join(cwd, "links/loop.jpg"));
  expect(await expand(["links"])).toEqual([["links/to-file.jpg"], []]);
});
