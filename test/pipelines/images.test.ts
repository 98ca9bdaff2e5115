import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NoRetryError } from "../../src/core/errors.ts";
import type { Json } from "../../src/core/json.ts";
import { hashText } from "../../src/core/text-hash.ts";
import type { Step } from "../../src/engine/pipeline.ts";
import { writeError } from "../../src/pipelines/file-errors.ts";
import { decodeError } from "../../src/pipelines/images/image-errors.ts";
import { type ImageOutput, imagesPipeline, toImageOptions } from "../../src/pipelines/images/images-pipeline.ts";
import { BAD_IMAGES, makeOddImages, ODD_IMAGES, smallPicture } from "../support/make-images.ts";

let root: string;
let photos: string;
let out: string;
let round = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "milepost-images-"));
  photos = join(root, "photos");
  await makeOddImages(photos);
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(() => {
  out = join(root, `out-${++round}`);
});

interface Run {
  readonly input?: Json;
  readonly attempt?: number;
  readonly options?: Record<string, Json>;
  readonly abortAt?: string;
  readonly pipeline?: ReturnType<typeof imagesPipeline>;
}

async function convert(key: string, run: Run = {}): Promise<{ output: ImageOutput; stages: readonly string[] }> {
  const stages: string[] = [];
  const abort = new AbortController();
  const step: Step = {
    signal: abort.signal,
    stage(name) {
      stages.push(name);
      if (name === run.abortAt) abort.abort(new Error("stopped"));
    },
    progress() {},
    message() {},
    cached() {},
    save: async () => {},
    paused: async () => {},
    log() {},
  };
  const options = toImageOptions({ out, ...run.options });
  const batch = { id: "batch", name: null, options };
  const item = { id: "item", key, input: run.input ?? null, size: null, saved: null, attempt: run.attempt ?? 1, batch };
  const output = await (run.pipeline ?? imagesPipeline()).handler?.(item, step);
  return { output: output as ImageOutput, stages };
}

/** Average red, green and blue of the left quarter. */
async function leftOf(path: string): Promise<readonly number[]> {
  const { width = 0, height = 0 } = await sharp(path).metadata();
  const { channels } = await sharp(
    await sharp(path)
      .extract({ left: 0, top: 0, width: Math.floor(width / 4), height })
      .toColourspace("srgb")
      .png()
      .toBuffer(),
  ).stats();
  return channels.slice(0, 3).map((channel) => Math.round(channel.mean));
}

describe("a good image", () => {
  it("is resized, written whole under its final name, and described", async () => {
    const { output, stages } = await convert(join(photos, "exif-1.jpg"), { options: { width: 32, format: "webp" } });
    expect(stages).toEqual(["decode", "transform", "write"]);
    expect(output).toMatchObject({ path: join(out, "exif-1.webp"), width: 32, height: 24, format: "webp" });
    expect(output.bytes).toBe((await readFile(output.path)).length);
    expect(await readdir(out)).toEqual(["exif-1.webp"]);
  });

  it.each(["jpeg", "png", "webp", "avif"] as const)("is written as %s", async (format) => {
    const { output } = await convert(join(photos, "deep.png"), { options: { format, quality: 60 } });
    expect((await sharp(output.path).metadata()).format).toBe(format === "avif" ? "heif" : format);
  });

  it.each([
    [{ width: 20, height: 20, fit: "cover" }, 20, 20],
    [{ width: 20, height: 20, fit: "contain" }, 20, 20],
    [{ width: 20, height: 20, fit: "fill" }, 20, 20],
    [{ width: 32, height: 12 }, 16, 12],
    [{ width: 32, height: 12, fit: "outside" }, 32, 24],
    [{ width: 640 }, 64, 48],
    [{ width: 640, withoutEnlargement: false }, 640, 480],
  ])("%j gives %i × %i", async (options, width, height) => {
    const { output } = await convert(join(photos, "exif-1.jpg"), { options });
    expect(await sharp(output.path).metadata()).toMatchObject({ width, height });
  });

  it.each(ODD_IMAGES)("%s is converted, without metadata, in 8 bit sRGB", async (name) => {
    const { output } = await convert(join(photos, name), { options: { format: "png" } });
    const metadata = await sharp(output.path).metadata();
    expect(metadata).toMatchObject({ depth: "uchar", space: "srgb" });
    for (const field of [metadata.orientation, metadata.exif, metadata.icc, metadata.xmp, metadata.pages]) {
      expect(field ?? null).toBe(null);
    }
  });

  it.each([
    ["exif-1.jpg", 64, 48, "red"],
    ["exif-3.jpg", 64, 48, "blue"],
    ["exif-6.jpg", 48, 64, "both"],
    ["exif-8.jpg", 48, 64, "both"],
    ["exif-99.jpg", 64, 48, "red"],
  ])("%s stands upright", async (name, width, height, left) => {
    const { output } = await convert(join(photos, name));
    expect(output).toMatchObject({ width, height });
    const [red = 0, , blue = 0] = await leftOf(output.path);
    const seen = Math.abs(red - blue) < 40 ? "both" : red > blue ? "red" : "blue";
    expect(seen).toBe(left);
  });

  it("in CMYK keeps its colours", async () => {
    const { output } = await convert(join(photos, "cmyk.jpg"));
    const [red = 0, green = 0, blue = 0] = await leftOf(output.path);
    expect(red).toBeGreaterThan(150);
    expect(Math.max(green, blue)).toBeLessThan(100);
  });

  it("with GPS loses it", async () => {
    const gps = Buffer.from([0x88, 0x25]);
    const exif = (await sharp(join(photos, "gps.jpg")).metadata()).exif ?? Buffer.alloc(0);
    expect(exif.includes(gps) || exif.includes(Buffer.from([0x25, 0x88]))).toBe(true);
    const { output } = await convert(join(photos, "gps.jpg"));
    expect((await readFile(output.path)).includes("Exif")).toBe(false);
  });

  it("that is transparent gets a white ground in JPEG", async () => {
    const path = join(root, "clear.png");
    await writeFile(path, await smallPicture().ensureAlpha(0).png().toBuffer());
    const { output } = await convert(path, { options: { format: "jpeg" } });
    expect(await leftOf(output.path)).toEqual([255, 255, 255]);
  });

  it("of another format than its name says keeps its format under a fitting name", async () => {
    const { output } = await convert(join(photos, "png-inside.jpg"));
    expect(output).toMatchObject({ path: join(out, "png-inside.png"), format: "png" });
  });
});

async function failureOf(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error("expected a failure; it was converted"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error("expected an Error");
  return error;
}

describe("an image that cannot be converted", () => {
  it.each(Object.entries(BAD_IMAGES))("%s fails for good with %s, fast, and leaves nothing", async (name, code) => {
    await convert(join(photos, "exif-1.jpg"));
    const startedAt = performance.now();
    const error = await failureOf(convert(join(photos, name), { options: { width: 32, format: "png" } }));
    expect(performance.now() - startedAt).toBeLessThan(200);
    expect(error).toBeInstanceOf(NoRetryError);
    expect(error).toMatchObject({ code });
    expect(error.message).not.toContain(photos);
    expect(error.message.length).toBeLessThan(300);
    expect(await readdir(out)).toEqual(["exif-1.jpg"]);
  });

  it("a missing file, a directory and a pipe", async () => {
    expect(await failureOf(convert(join(photos, "none.jpg")))).toMatchObject({ code: "INPUT_MISSING" });
    expect(await failureOf(convert(photos))).toMatchObject({ code: "INVALID_IMAGE" });
    execFileSync("mkfifo", [join(root, "pipe.jpg")]);
    expect(await failureOf(convert(join(root, "pipe.jpg")))).toMatchObject({ code: "INVALID_IMAGE" });
  });

  it("one that would be enlarged beyond the limits", async () => {
    const options = { width: 10_000, withoutEnlargement: false };
    expect(await failureOf(convert(join(photos, "exif-1.jpg"), { options }))).toMatchObject({
      code: "IMAGE_TOO_LARGE",
    });
  });

  it("options that nobody checked are final too", async () => {
    const batch = { id: "batch", name: null, options: { out: "relative" } };
    const item = { id: "i", key: join(photos, "exif-1.jpg"), input: null, size: null, saved: null, attempt: 1, batch };
    const error = await failureOf(Promise.resolve(imagesPipeline().handler?.(item, {} as Step)));
    expect(error).toBeInstanceOf(NoRetryError);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("inputs are never overwritten", () => {
  it.each(["same path", "hard link", "symbolic link"])("%s", async (way) => {
    const path = join(root, `keep-${round}.jpg`);
    const bytes = await smallPicture().jpeg().toBuffer();
    await writeFile(path, bytes);
    await mkdir(out);
    if (way === "hard link") await link(path, join(out, `keep-${round}.jpg`));
    if (way === "symbolic link") await symlink(path, join(out, `keep-${round}.jpg`));
    const options = way === "same path" ? { out: root } : {};
    expect(await failureOf(convert(path, { options }))).toMatchObject({ code: "OUTPUT_IS_INPUT" });
    expect(await readFile(path)).toEqual(bytes);
  });

  it("nor is another input of the batch", async () => {
    const input = { output: join(out, "a.jpg"), overwrites: join(out, "a.jpg") };
    expect(await failureOf(convert(join(photos, "exif-1.jpg"), { input }))).toMatchObject({ code: "OUTPUT_IS_INPUT" });
  });
});

describe("writing", () => {
  it.each(["decode", "transform", "write"])("leaves nothing when aborted in %s", async (abortAt) => {
    const error = await failureOf(convert(join(photos, "exif-1.jpg"), { abortAt }));
    expect(error.message).toBe("stopped");
    expect(await readdir(out).catch(() => [])).toEqual([]);
  });

  it("removes what a killed process left for the same output, and nothing else", async () => {
    const dying = imagesPipeline();
    await convert(join(photos, "exif-1.jpg"), { pipeline: dying });
    const hash = hashText("exif-1.jpg");
    const other = `.milepost-${"0".repeat(16)}-dead.tmp`;
    for (const name of [`.milepost-${hash}-dead.tmp`, other]) await writeFile(join(out, name), "half");
    await convert(join(photos, "exif-1.jpg"));
    expect((await readdir(out)).toSorted()).toEqual([other, "exif-1.jpg"].toSorted());
    // A retry looks again, because another process may have died meanwhile.
    await writeFile(join(out, `.milepost-${hash}-late.tmp`), "half");
    await convert(join(photos, "exif-1.jpg"), { pipeline: dying, attempt: 2 });
    expect((await readdir(out)).toSorted()).toEqual([other, "exif-1.jpg"].toSorted());
  });

  it("a name that cannot be is final; what may pass is not", async () => {
    await mkdir(join(out, "exif-1.jpg"), { recursive: true });
    const blocked = await failureOf(convert(join(photos, "exif-1.jpg")));
    expect(blocked).toMatchObject({ code: "INVALID_OUTPUT" });
    expect(await readdir(out)).toEqual(["exif-1.jpg"]);
    const full = writeError(Object.assign(new Error("write"), { code: "ENOSPC" }));
    expect(full).not.toBeInstanceOf(NoRetryError);
    expect(full).toMatchObject({
      code: "ENOSPC",
      message: "cannot write the output: no space left on the disk (ENOSPC)",
    });
    expect(decodeError(new Error("/a/b.jpg: unable to open: Too many open files"), "JPEG")).not.toBeInstanceOf(
      NoRetryError,
    );
  });
});
