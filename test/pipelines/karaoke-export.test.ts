import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/core/json.ts";
import type { Milepost, NewItem } from "../../src/index.ts";
import { exportKaraoke, type RenderVideo } from "../../src/pipelines/karaoke/export-karaoke.ts";
import { KARAOKE_STAGES, toKaraokeOptions } from "../../src/pipelines/karaoke/karaoke-pipeline.ts";
import { planVideos } from "../../src/pipelines/karaoke/plan-videos.ts";
import { markedName } from "../../src/platform/process-mark.ts";
import { aborted, openForTest, signal, temporaryFolder } from "../support/open-for-test.ts";

const PROJECT = { lyrics: { lines: [{ words: [{ text: "la", start: 0, end: 1 }] }] } };

/** Writes the frames' numbers, through the stages of a real renderer. */
const renderNumbers =
  (atFrame: (frame: number, path: string, signal: AbortSignal) => unknown = () => {}): RenderVideo =>
  async (loaded, path, hooks) => {
    const frames = Math.ceil(((loaded.durationMs ?? 0) * loaded.project.video.fps) / 1_000);
    hooks.onStage("rendering");
    const drawn: number[] = [];
    for (let frame = 0; frame < frames; frame++) {
      await hooks.paused();
      hooks.signal.throwIfAborted();
      writeFileSync(path, JSON.stringify(drawn));
      await atFrame(frame, path, hooks.signal);
      drawn.push(frame);
      hooks.onFrame(frame + 1, frames);
    }
    hooks.onStage("encoding");
    hooks.onFrame(frames, frames);
    hooks.onStage("finalizing");
    writeFileSync(path, JSON.stringify(drawn));
    return { frames, durationMs: loaded.durationMs ?? 0, bytes: 1, encoder: "numbers" };
  };

async function engineWith(render: RenderVideo): Promise<Milepost> {
  const milepost = await openForTest("memory");
  milepost.pipeline({
    name: "karaoke",
    stages: KARAOKE_STAGES,
    handler: (item, step) => exportKaraoke(item, step, render),
  });
  await milepost.work();
  return milepost;
}

async function exported(
  items: readonly NewItem[],
  parts: { readonly render?: RenderVideo; readonly options?: Json } = {},
) {
  const milepost = await engineWith(parts.render ?? renderNumbers());
  const { batch } = await milepost.submit({ pipeline: "karaoke", items, options: parts.options ?? null, attempts: 1 });
  await batch.done();
  return (await batch.items()).items;
}

function songs(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder();
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
  }
  return folder;
}

const optionsFor = (out: string, more: object = {}) => ({ ...toKaraokeOptions(more), out });

describe("an export", () => {
  test("makes a whole file under its name, and says what it made", async () => {
    const folder = songs({ "one.json": PROJECT });
    const [planned] = await planVideos([join(folder, "one.json")], optionsFor(join(folder, "out")));
    // One second of lyrics and two more.
    expect(planned).toMatchObject({ key: join(folder, "one.json"), size: 90 });
    const [item] = await exported([{ key: "one", input: planned?.input ?? null }]);
    const path = join(folder, "out", "one.mp4");
    expect(item).toMatchObject({
      state: "completed",
      output: { path, frames: 90, durationMs: 3_000, encoder: "numbers" },
    });
    expect(readdirSync(join(folder, "out"))).toEqual(["one.mp4"]);
    expect(JSON.parse(readFileSync(path, "utf8"))).toHaveLength(90);
  });

  test("takes a project as it is, and options of its own before those of the batch", async () => {
    const folder = temporaryFolder();
    const input = { project: PROJECT, outputPath: "deep/er/a.mp4", baseFolder: folder, settings: { preset: "draft" } };
    const [item] = await exported([{ key: "a", input }], { options: { preset: "1080p" } });
    expect(item).toMatchObject({ state: "completed", output: { path: join(folder, "deep/er/a.mp4"), frames: 45 } });
  });

  test("that is stopped leaves nothing, and begins anew when it goes on", async () => {
    const folder = temporaryFolder();
    const at = signal();
    let runs = 0;
    const milepost = await engineWith(
      renderNumbers(async (frame, _path, abort) => {
        if (frame === 0) runs += 1;
        if (frame !== 5 || runs > 1) return;
        at.give();
        await aborted(abort);
      }),
    );
    const { batch } = await milepost.submit({
      pipeline: "karaoke",
      items: [{ key: "a", input: { project: PROJECT, outputPath: "a.mp4", baseFolder: folder } }],
    });
    await at.wait;
    await batch.stop();
    expect(readdirSync(folder)).toEqual([]);
    await batch.resume();
    expect(await batch.done()).toMatchObject({ outcome: "success" });
    expect(JSON.parse(readFileSync(join(folder, "a.mp4"), "utf8"))).toHaveLength(90);
  });

  test("removes what dead processes left behind, and what earlier attempts of it did; not what others are writing", async () => {
    const folder = temporaryFolder();
    let mine = "";
    const [first] = await exported(
      [{ key: "a", input: { project: PROJECT, outputPath: "a.mp4", baseFolder: folder } }],
      {
        render: renderNumbers((_frame, path) => {
          mine = path;
        }),
      },
    );
    expect(first?.state).toBe("completed");
    const [, host = ""] = /^\.milepost-[0-9a-f-]{36}-([0-9a-f]{8})/.exec(basename(mine)) ?? [];
    const other = "00000000-0000-8000-8000-000000000000";
    const alive = markedName(`.milepost-${other}-${host}`);
    const dead = alive.replace(/\d+-\w*$/, "1-wrong");
    const elsewhere = dead.replace(host, "00000000");
    for (const name of [alive, dead, elsewhere]) writeFileSync(join(folder, name), "half");
    await exported([{ key: "b", input: { project: PROJECT, outputPath: "b.mp4", baseFolder: folder } }]);
    expect(readdirSync(folder).sort()).toEqual([alive, elsewhere, "a.mp4", "b.mp4"].sort());
  });

  test.each([
    ["a project that is none", { "a.json": '{ "lyrics":\n  3 }' }, /a\.json:2: lyrics: must be/, "INVALID_ARGUMENT"],
    ["lyrics that are missing", { "a.json": { lyrics: "no.lrc" } }, /no\.lrc/, "NOT_FOUND"],
    [
      "lyrics that are wrong",
      { "a.json": { lyrics: "a.ass" }, "a.ass": "[Script Info]\n" },
      /a\.ass/,
      "INVALID_ARGUMENT",
    ],
  ])("of %s fails at once, with its place", async (_what, files, message, code) => {
    const folder = songs(files);
    const [planned] = await planVideos([join(folder, "a.json")], optionsFor(join(folder, "out")));
    expect(planned?.size).toBeNull();
    const [item] = await exported([{ key: "a", input: planned?.input ?? null }]);
    expect(item).toMatchObject({ state: "failed", attempts: 1, error: { name: "NoRetryError", code } });
    expect(item?.error?.message).toMatch(message);
  });

  test("never overwrites what it is made of", async () => {
    const folder = songs({ "a.json": { ...PROJECT, background: { type: "video", path: "a.mp4" } }, "a.mp4": "a clip" });
    symlinkSync(folder, join(folder, "link"));
    const input = { project: "a.json", outputPath: "link/a.mp4", baseFolder: folder };
    const [item] = await exported([{ key: "a", input }]);
    expect(item).toMatchObject({ state: "failed", error: { code: "OUTPUT_IS_INPUT" } });
    expect(readFileSync(join(folder, "a.mp4"), "utf8")).toBe("a clip");
  });

  test("of an input that is none is refused", async () => {
    const [item] = await exported(["no project"]);
    expect(item).toMatchObject({ state: "failed", error: { code: "INVALID_ARGUMENT" } });
  });
});

describe("planned videos", () => {
  test("each have a path of their own, and keep the one that they had", async () => {
    const folder = songs({ "a.json": PROJECT });
    mkdirSync(join(folder, "more"));
    writeFileSync(join(folder, "more", "A.json"), JSON.stringify(PROJECT));
    const files = [join(folder, "a.json"), join(folder, "more", "A.json")];
    const out = join(folder, "out");
    const paths = async (known?: ReadonlyMap<string, string>) =>
      (await planVideos(files, optionsFor(out), known)).map(({ input }) => input.outputPath);
    expect(await paths()).toEqual([join(out, "a.mp4"), join(out, "A-2.mp4")]);
    expect(await paths(new Map([[files[1] ?? "", join(out, "a.mp4")]]))).toEqual([
      join(out, "a-2.mp4"),
      join(out, "a.mp4"),
    ]);
  });

  test("leave out what a project is made of, and mark what would overwrite another's file", async () => {
    const folder = songs({
      "a.json": { lyrics: "words.json", background: { type: "video", path: "b.mp4" } },
      "b.json": PROJECT,
      "words.json": { lines: PROJECT.lyrics.lines },
      "b.mp4": "a clip",
    });
    const files = ["a.json", "b.json", "words.json"].map((name) => join(folder, name));
    const planned = await planVideos(files, optionsFor(folder));
    expect(planned.map(({ key }) => basename(key))).toEqual(["a.json", "b.json"]);
    expect(planned[1]?.input.overwrites).toBe(join(folder, "b.mp4"));
    const items = await exported(planned.map(({ key, input }) => ({ key, input })));
    expect(items.map(({ state }) => state)).toEqual(["completed", "failed"]);
    expect(items[1]?.error?.code).toBe("OUTPUT_IS_INPUT");
  });

  test.each([
    [{ nameTemplate: "../{name}.mp4" }, "leads out"],
    [{ nameTemplate: "{title}.mp4" }, "unknown placeholder"],
    [{ nameTemplate: "{name}-{preset}.mp4" }, "needs the option preset"],
    [{ nameTemplate: "{name}/" }, "the name of a file"],
    [{ threads: 0 }, "threads must be a whole number"],
    [{ encoder: "x264" }, "encoder must be one of auto, webcodecs, ffmpeg"],
    [{ strange: 1 }, "a karaoke option must be one of"],
    [{ out: "relative" }, "out must be an absolute path"],
    [[], "must be an object"],
  ])("of the options %j are refused", (given, message) => {
    expect(() => toKaraokeOptions(given)).toThrow(message);
  });

  test("of a preset that is not there are refused before anything is planned", async () => {
    const folder = songs({ "a.json": PROJECT });
    await expect(planVideos([join(folder, "a.json")], optionsFor(folder, { preset: "720i" }))).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
