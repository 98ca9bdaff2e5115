import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MilepostError } from "../../src/core/errors.ts";
import {
  type PlannedImage,
  plannedOutput,
  planOutputs,
  toImageOptions,
} from "../../src/pipelines/images/images-pipeline.ts";
import { smallPicture } from "../support/make-images.ts";

let root: string;
let out: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "milepost-plan-")));
  out = join(root, "out");
  const png = await smallPicture().png().toBuffer();
  for (const directory of ["a", "b", "c"]) {
    await mkdir(join(root, directory));
    await writeFile(join(root, directory, "x.jpg"), png);
  }
  await writeFile(join(root, "a", "X.PNG"), png);
  await writeFile(join(root, "a", "note.gif"), "text");
  await symlink(join(root, "a"), join(root, "link"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function plan(
  inputs: readonly string[],
  given: object = {},
  known?: ReadonlyMap<string, string>,
): Promise<PlannedImage[]> {
  const options = toImageOptions({ out, format: "webp", ...given });
  const items: PlannedImage[] = [];
  const paths = inputs.map((input) => join(root, input));
  for await (const item of planOutputs(paths, options, known)) items.push(item);
  return items;
}

function namesOf(items: readonly PlannedImage[]): readonly string[] {
  return items.map((item) => item.input.output.slice(out.length + 1));
}

describe("planOutputs", () => {
  it("tells key, size and kind by content", async () => {
    const [item] = await plan(["a/x.jpg"]);
    expect(item).toMatchObject({ key: join(root, "a/x.jpg"), input: { output: join(out, "x.webp") }, kind: "png" });
    expect(item?.size).toBeGreaterThan(50);
  });

  it("numbers equal names by order, whatever their case, and takes an input once", async () => {
    const items = await plan(["a/x.jpg", "b/x.jpg", "a/X.PNG", "b/x.jpg", "c/x.jpg"]);
    expect(namesOf(items)).toEqual(["x.webp", "x-2.webp", "X-3.webp", "x-4.webp"]);
  });

  it("gives the same again, and never moves a known output when the folder grew", async () => {
    const first = await plan(["b/x.jpg", "c/x.jpg"]);
    const known = new Map(first.map((item) => [item.key, plannedOutput(item.input) ?? ""]));
    const second = await plan(["a/x.jpg", "b/x.jpg", "c/x.jpg"], {}, known);
    expect(namesOf(second)).toEqual(["x-3.webp", "x.webp", "x-2.webp"]);
    expect(await plan(["b/x.jpg", "c/x.jpg"])).toEqual(first);
  });

  it("keeps the format of the content, and plans what cannot be read", async () => {
    const items = await plan(["a/x.jpg", "a/note.gif", "a/missing.png"], { format: "keep" });
    expect(namesOf(items)).toEqual(["x.png", "note.jpg", "missing.png"]);
    expect(items.map((item) => item.kind)).toEqual(["png", null, null]);
  });

  it.each(["a", "link"])("marks an item that would overwrite an input in %s", async (directory) => {
    const items = await plan(["a/x.jpg", "b/x.jpg"], { out: join(root, directory), nameTemplate: "{name}.jpg" });
    expect(items.map((item) => item.input.overwrites ?? null)).toEqual([join(root, "a/x.jpg"), null]);
  });

  it("fills in templates", async () => {
    const items = await plan(["a/x.jpg"], { width: 320, nameTemplate: "{format}/{name}@{width}.{ext}" });
    expect(namesOf(items)).toEqual(["webp/x@320.webp"]);
  });
});

describe("toImageOptions", () => {
  it("fills in the defaults", () => {
    expect(toImageOptions({ out: "/o", width: undefined })).toEqual({
      out: "/o",
      width: null,
      height: null,
      fit: "inside",
      withoutEnlargement: true,
      format: "keep",
      quality: null,
      nameTemplate: "{name}.{ext}",
    });
  });

  it.each([
    [null, "options"],
    [{}, "out"],
    [{ out: "relative" }, "out"],
    [{ out: "/o", wdith: 3 }, "wdith"],
    [{ out: "/o", width: 0 }, "width"],
    [{ out: "/o", width: 1.5 }, "width"],
    [{ out: "/o", width: "800" }, "width"],
    [{ out: "/o", height: 10_001 }, "height"],
    [{ out: "/o", width: 9_000, height: 9_000 }, "pixels"],
    [{ out: "/o", fit: "stretch" }, "inside, outside, cover, contain, fill"],
    [{ out: "/o", format: "svg" }, "keep, jpeg, png, webp, avif"],
    [{ out: "/o", quality: 101 }, "quality"],
    [{ out: "/o", withoutEnlargement: "yes" }, "withoutEnlargement"],
    [{ out: "/o", nameTemplate: "" }, "name template"],
    [{ out: "/o", nameTemplate: "{nmae}" }, "{nmae}"],
    [{ out: "/o", nameTemplate: "{width}" }, "width"],
    [{ out: "/o", nameTemplate: "../{name}" }, "leads out"],
    [{ out: "/o", nameTemplate: "/etc/{name}" }, "leads out"],
    [{ out: "/o", nameTemplate: "x/../../{name}" }, "leads out"],
    [{ out: "/o", nameTemplate: "{name}/" }, "name of a file"],
  ])("refuses %j", (given, word) => {
    expect(() => toImageOptions(given)).toThrow(MilepostError);
    expect(() => toImageOptions(given)).toThrow(word);
  });

  it("a name of dots cannot lead out of the directory", async () => {
    await expect(plan(["a/...jpg"], { out, nameTemplate: "{name}" })).rejects.toThrow("leads out");
  });
});
