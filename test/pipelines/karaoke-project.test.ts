import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MilepostError } from "../../src/core/errors.ts";
import { loadPresets } from "../../src/pipelines/karaoke/load-presets.ts";
import { loadProject } from "../../src/pipelines/karaoke/load-project.ts";
import { BUILT_IN_PRESETS, findPreset } from "../../src/pipelines/karaoke/presets.ts";
import { karaokeJsonSchema, parseProject } from "../../src/pipelines/karaoke/project.ts";
import { makeSongs, songOf } from "../support/karaoke-songs.ts";
import { temporaryFolder } from "../support/open-for-test.ts";

const ONE_LINE = { lines: [{ words: [{ text: "la", start: 1, end: 2 }] }] };
const LRC = "[00:01.00]la[00:02.00]\n";

/** A folder with these files; text as it is, anything else as JSON. */
function folderOf(files: Readonly<Record<string, unknown>>): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content, null, 1));
  }
  return folder;
}

function refused(message: string | RegExp, code = "INVALID_ARGUMENT") {
  return expect.objectContaining({
    name: "MilepostError",
    code,
    message: typeof message === "string" ? message : expect.stringMatching(message),
  });
}

describe("parseProject", () => {
  test("fills in what is left out", () => {
    expect(parseProject({ lyrics: "song.lrc" }, "song.json")).toMatchObject({
      version: 1,
      lyrics: "song.lrc",
      background: { type: "gradient" },
      video: { width: 1_280, height: 720, fps: 30 },
      style: { lines: 3, fill: "sweep", position: "middle", leadIn: 3 },
      offset: 0,
    });
    const { background } = parseProject({ lyrics: "a.lrc", background: { type: "image", path: "a.png" } }, "song.json");
    expect(background).toEqual({ type: "image", path: "a.png", fit: "cover" });
  });

  test("what was filled in is a project that stays as it is", () => {
    const project = parseProject({ lyrics: ONE_LINE, preset: "draft" }, "song.json");
    expect(parseProject(JSON.parse(JSON.stringify(project)), "song.json")).toEqual(project);
  });

  test.each<[unknown, string | RegExp]>([
    [{}, "song.json: lyrics: must be a file's path or an object with `lines`; found nothing"],
    [[], "song.json: expected object; found a list of 0"],
    [null, "song.json: expected object; found null"],
    [{ lyrics: "a.lrc", stile: {} }, 'song.json: Unrecognized key: "stile"'],
    [JSON.parse('{ "lyrics": "a.lrc", "__proto__": { "x": 1 } }'), 'song.json: Unrecognized key: "__proto__"'],
    [{ lyrics: "a.lrc", style: { colour: "#fff" } }, 'song.json: style: Unrecognized key: "colour"'],
    [
      { lyrics: "a.lrc", style: { color: "red" } },
      /^song\.json: style\.color: must be a colour like #fff.*; found "red"$/,
    ],
    [{ lyrics: "a.lrc", style: { font: ["a", 7] } }, "song.json: style.font[1]: expected string; found 7"],
    [{ lyrics: "a.lrc", video: { width: 101 } }, /^song\.json: video\.width: .* multiple of 2; found 101$/],
    [{ lyrics: "a.lrc", video: { height: 5_000 } }, /^song\.json: video\.height: Too big/],
    [{ lyrics: "a.lrc", video: { fps: 0.5 } }, /^song\.json: video\.fps: Too small/],
    [{ lyrics: "a.lrc", video: null }, "song.json: video: expected object; found null"],
    [{ lyrics: "a.lrc", background: { type: "colour" } }, /^song\.json: background\.type: .*found "colour"$/],
    [{ lyrics: "a.lrc", audio: "https://example.org/a.mp3" }, /^song\.json: audio: must be a file, not an address/],
    [{ lyrics: "a.lrc", audio: "a\0.mp3" }, /^song\.json: audio: must hold no NUL/],
    [{ lyrics: "" }, /^song\.json: lyrics: /],
    [{ lyrics: "a.lrc", duration: 0 }, /^song\.json: duration: Too small/],
    [{ lyrics: "a.lrc", duration: Number.NaN }, /^song\.json: duration: /],
    [{ lyrics: "a.lrc", version: 2 }, /^song\.json: version: /],
    [
      { lyrics: "a.lrc", preset: "huge" },
      'song.json: preset: there is no preset "huge"; known are 720p, 1080p, vertical, draft',
    ],
    [
      { lyrics: { lines: [{ words: [{ text: "a", start: 0, end: 1 }] }, 5] } },
      "song.json: lyrics.lines[1]: expected object; found 5",
    ],
    [{ lyrics: { lines: [] } }, /^song\.json: lyrics\.lines: Too small/],
    [{ lyrics: { ...ONE_LINE, key: "C" } }, 'song.json: lyrics: Unrecognized key: "key"'],
    [{ lyrics: { lines: "many" } }, /^song\.json: lyrics\.lines: expected array/],
  ])("%j is refused with its field", (value, message) => {
    expect(() => parseProject(value, "song.json")).toThrow(refused(message));
  });

  test("a hostile project is refused at its first mistake, and its message is short", () => {
    const many = Array.from({ length: 2_000_000 }, () => 0);
    const keys = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`key${index}`, 0]));
    for (const value of [
      { lyrics: "a.lrc", style: { font: many } },
      { lyrics: "a.lrc", ...keys },
      { lyrics: { lines: many } },
      { lyrics: { lines: [{ words: many }] } },
      { lyrics: { lines: [many] } },
      { lyrics: { ...ONE_LINE, x: many } },
    ]) {
      expect(() => parseProject(value, "song.json")).toThrow(refused(/^.{1,600}$/s));
    }
  });

  test("whatever it is, it becomes a project or is refused", () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom<unknown>("a.lrc", "#fff", 64, 1, -1, true, { type: "color", color: "#123" }, ONE_LINE, "draft"),
    );
    const fields = [
      "lyrics",
      "audio",
      "duration",
      "background",
      "video",
      "style",
      "offset",
      "preset",
      "title",
      "version",
    ];
    const record = (names: readonly string[]) => fc.dictionary(fc.constantFrom(...names), value);
    const project = fc.oneof(
      value,
      record(fields),
      fc
        .record({ lyrics: fc.oneof(fc.constant("a.lrc"), value) })
        .chain((base) => record(fields).map((more) => ({ ...more, ...base }))),
      fc.record({
        lyrics: fc.constant("a.lrc"),
        style: record(["font", "fontSize", "color", "lines", "fill", "fadeMs"]),
      }),
      fc.record({ lyrics: fc.record({ lines: fc.array(record(["words", "singer"]), { maxLength: 3 }) }) }),
    );
    const outcomes = new Set<string>();
    const property = fc.property(project, (drawn) => {
      try {
        const parsed = parseProject(drawn, "song.json");
        expect(parseProject(parsed, "song.json")).toEqual(parsed);
        outcomes.add("parsed");
      } catch (error) {
        if (!(error instanceof MilepostError)) throw error;
        expect(error.message).toMatch(/^song\.json: /);
        outcomes.add("refused");
      }
    });
    fc.assert(property, { numRuns: 2_000 });
    expect([...outcomes].toSorted()).toEqual(["parsed", "refused"]);
  });

  test("values count in order: the preset it names, its own, the one it is made with", () => {
    const value = { lyrics: "a.lrc", preset: "vertical", video: { fps: 25 }, style: { color: "#abc" } };
    const { video, style } = parseProject(value, "song.json");
    expect([video, style.fontSize, style.color]).toEqual([{ width: 1_080, height: 1_920, fps: 25 }, 0.04, "#abc"]);
    const draft = parseProject(value, "song.json", { preset: findPreset(BUILT_IN_PRESETS, "draft") });
    expect([draft.video, draft.style.fontSize]).toEqual([{ width: 640, height: 360, fps: 15 }, 0.04]);
  });

  test("singers have colours by their names, and no other values", () => {
    const singers = JSON.parse('{"Ann": "#f00", "__proto__": "#0f0", "toString": "#00f"}') as object;
    const { style } = parseProject({ lyrics: "a.lrc", style: { singers } }, "song.json");
    expect(style.singers).toMatchObject({ Ann: "#f00", toString: "#00f" });
    const wrong = { lyrics: "a.lrc", style: { singers: { Ann: "red" } } };
    expect(() => parseProject(wrong, "song.json")).toThrow("style.singers.Ann: must be a colour");
  });

  test("the JSON Schema is one of objects without unknown fields, and needs the lyrics alone", () => {
    expect(karaokeJsonSchema()).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      required: ["lyrics"],
      additionalProperties: false,
    });
  });
});

describe("loadProject", () => {
  test("finds files from the project's folder, reads the lyrics, moves them by the offset", async () => {
    const project = {
      lyrics: "words/song.lrc",
      audio: "song.mp3",
      background: { type: "video", path: "bg.mp4" },
      style: { font: ["my.ttf", "Noto Sans"] },
      offset: 1.5,
    };
    const folder = folderOf({
      "a.json": project,
      "words/song.lrc": LRC,
      "song.mp3": "x",
      "bg.mp4": "x",
      "my.ttf": "x",
    });
    const loaded = await loadProject(join(folder, "a.json"));
    expect(loaded).toMatchObject({
      baseFolder: folder,
      files: { audio: join(folder, "song.mp3"), backgroundVideo: join(folder, "bg.mp4") },
      fonts: [{ path: join(folder, "my.ttf") }, { family: "Noto Sans" }],
      durationMs: null,
      lyrics: { lines: [{ startMs: 2_500, endMs: 3_500 }] },
    });
  });

  test("duration: what is given, else the audio's, else 2 s beyond the last line", async () => {
    const baseFolder = folderOf({ "a.wav": "x" });
    const durationOf = async (value: object) =>
      (await loadProject({ value: { lyrics: ONE_LINE, ...value }, baseFolder })).durationMs;
    expect(await durationOf({ audio: "a.wav", duration: 7.5 })).toBe(7_500);
    expect(await durationOf({ audio: "a.wav" })).toBeNull();
    expect(await durationOf({})).toBe(4_000);
    expect(await durationOf({ offset: -0.5 })).toBe(3_500);
  });

  test("errors name the file, its line and the field", async () => {
    const folder = folderOf({
      "broken.json": '{\n "lyrics": \n',
      "typo.json": { lyrics: "song.lrc", style: { color: "#fff", outlineColor: "blue" } },
      "inside.json": { lyrics: { lines: [ONE_LINE.lines[0], { words: [{ text: "x", start: 3, end: 2 }] }] } },
      "elsewhere.json": { lyrics: "bad.lrc" },
      "bad.lrc": "[00:01]a\n[00:99]b\n",
      "silent.json": { lyrics: "song.lrc", audio: "gone.mp3" },
      "wordless.json": { lyrics: "gone.lrc" },
      "folder.json": { lyrics: "song.lrc", background: { type: "image", path: "." } },
      "shifted.json": { lyrics: "song.lrc", offset: -2 },
      "song.lrc": LRC,
      "subtitles.json": { lyrics: "song.srt" },
      "song.srt": "1\n",
      "text.json": { lyrics: "song.txt" },
      "song.txt": "la",
    });
    const load = (name: string) => loadProject(join(folder, name));
    const at = (name: string) => new RegExp(`/${name.replace(".", "\\.")}`);
    await expect(load("broken.json")).rejects.toThrow(refused(/broken\.json:3: is not JSON: /));
    await expect(load("typo.json")).rejects.toThrow(refused(/typo\.json:5: style\.outlineColor: .*; found "blue"$/));
    await expect(load("inside.json")).rejects.toThrow(refused(/inside\.json:13: "x" ends at 2000 ms/));
    await expect(load("elsewhere.json")).rejects.toThrow(
      refused("bad.lrc:2: [00:99] has more than 59 seconds or minutes"),
    );
    await expect(load("silent.json")).rejects.toThrow(
      refused(/silent\.json: audio: gone\.mp3: there is no such file$/, "NOT_FOUND"),
    );
    await expect(load("wordless.json")).rejects.toThrow(
      refused(/wordless\.json: lyrics: gone\.lrc: there is no such file$/, "NOT_FOUND"),
    );
    await expect(load("folder.json")).rejects.toThrow(
      refused(/folder\.json: background\.path: \.: is not a regular file$/),
    );
    await expect(load("shifted.json")).rejects.toThrow(refused(/offset: it moves every line to before the song$/));
    await expect(load("subtitles.json")).rejects.toThrow(
      refused(/^song\.srt: lyrics must be \.json .* SRT has no times of words/),
    );
    await expect(load("text.json")).rejects.toThrow(refused(/^song\.txt: lyrics must be \.json/));
    await expect(load("gone.json")).rejects.toThrow(refused(at("gone.json"), "NOT_FOUND"));
  });

  test.skipIf(process.platform === "win32")("a pipe or a device is refused and never waited on", async () => {
    const folder = folderOf({ "a.json": { lyrics: "pipe.lrc" }, "b.json": { lyrics: ONE_LINE, audio: "/dev/zero" } });
    execFileSync("mkfifo", [join(folder, "pipe.lrc")]);
    await expect(loadProject(join(folder, "a.json"))).rejects.toThrow(
      refused(/lyrics: pipe\.lrc: is not a regular file$/),
    );
    await expect(loadProject(join(folder, "b.json"))).rejects.toThrow(
      refused(/b\.json: audio: \/dev\/zero: is not a regular file$/),
    );
    await expect(loadProject("/dev/zero")).rejects.toThrow(refused("/dev/zero: is not a regular file"));
  });

  test("a confined project sees its folder alone", async () => {
    const outside = folderOf({ "secret.lrc": LRC, "secret.png": "x" });
    const baseFolder = folderOf({ "in/song.lrc": LRC, "a.png": "x" });
    symlinkSync(join(outside, "secret.png"), join(baseFolder, "link.png"));
    const load = (value: unknown) => loadProject({ value, baseFolder }, { isConfined: true });
    expect((await load({ lyrics: "in/../in/song.lrc" })).lyrics.lines).toHaveLength(1);
    for (const path of [join(outside, "secret.lrc"), "../x.lrc", "in/../../x.lrc", "..", "/etc/passwd"]) {
      await expect(load({ lyrics: path })).rejects.toThrow(
        refused(/^project: lyrics: .*: is outside the project's folder$/),
      );
    }
    const behind = { lyrics: ONE_LINE, background: { type: "image", path: "link.png" } };
    await expect(load(behind)).rejects.toThrow(refused(/^project: background\.path: link\.png: is outside/));
    await expect(load({ lyrics: ONE_LINE, style: { font: "../f.ttf" } })).rejects.toThrow(
      refused(/^project: style\.font: /),
    );
    await expect(load({ lyrics: ONE_LINE, audio: "gone.mp3" })).rejects.toThrow(
      refused(/there is no such file$/, "NOT_FOUND"),
    );
    // From the command line of whoever owns the machine all of it may be read.
    expect((await loadProject({ value: behind, baseFolder })).files.backgroundImage).toBe(join(baseFolder, "link.png"));
  });

  test("names may stand for other paths; then no others are known", async () => {
    const baseFolder = folderOf({ "0001.lrc": LRC, "0002.png": "x", "other.lrc": LRC });
    const names = new Map([
      ["song.lrc", "0001.lrc"],
      ["night.png", "0002.png"],
      ["up.lrc", "../up.lrc"],
    ]);
    const load = (value: object) =>
      loadProject({ value, baseFolder }, { names, isConfined: true, source: "mine.json" });
    const background = { type: "image", path: "pictures/night.png" };
    expect((await load({ lyrics: "song.lrc", background })).files.backgroundImage).toBe(join(baseFolder, "0002.png"));
    await expect(load({ lyrics: "other.lrc" })).rejects.toThrow(
      refused("mine.json: lyrics: other.lrc: is not among the files that came with it", "NOT_FOUND"),
    );
    await expect(load({ lyrics: "up.lrc" })).rejects.toThrow(refused(/^mine\.json: lyrics: up\.lrc: is outside/));
  });

  test("the songs of the examples load, the same words from every format", async () => {
    const folder = temporaryFolder();
    const projects = await makeSongs(folder, { video: { width: 320, height: 180 } });
    const loaded = await Promise.all(Object.values(projects).map((path) => loadProject(path)));
    expect(loaded.every(({ project }) => project.video.width === 320)).toBe(true);
    const latin = songOf("latin").lyrics.lines;
    const [color, gradient, image] = loaded;
    for (const project of [color, gradient, image]) expect(project?.lyrics.lines).toEqual(latin);
  });
});

describe("loadPresets", () => {
  const env = {};

  test("built in, then the folder's, the environment's and the command's; later ones replace", async () => {
    const folder = folderOf({
      ".milepost/presets.json": { mine: { video: { fps: 24 } }, draft: { video: { fps: 5 } }, both: {} },
      "env.json": { mine: { video: { fps: 50 } }, theirs: { style: { lines: 1 } } },
      "given.json": { both: { description: "given" } },
    });
    const presets = await loadPresets({ folder, env: { MILEPOST_PRESETS: "env.json" }, file: "given.json" });
    expect([...presets.keys()]).toEqual(["720p", "1080p", "vertical", "draft", "mine", "both", "theirs"]);
    expect(findPreset(presets, "mine")).toEqual({ video: { fps: 50 } });
    expect(findPreset(presets, "draft")).toEqual({ video: { fps: 5 } });
    expect(findPreset(presets, "both")).toEqual({ description: "given" });
    // A preset gives what it names and nothing else.
    expect(parseProject({ lyrics: "a.lrc", preset: "theirs" }, "a.json", { presets }).style).toMatchObject({
      lines: 1,
      fill: "sweep",
    });
    expect(
      parseProject({ lyrics: "a.lrc", video: { width: 64 } }, "a.json", {
        presets,
        preset: findPreset(presets, "mine"),
      }).video,
    ).toEqual({
      width: 64,
      height: 720,
      fps: 50,
    });
  });

  test("without files there are the built-in ones; a file that was named must be there", async () => {
    const folder = temporaryFolder();
    expect([...(await loadPresets({ folder, env })).keys()]).toEqual(["720p", "1080p", "vertical", "draft"]);
    await expect(loadPresets({ folder, env, file: "my.json" })).rejects.toThrow(
      refused("my.json: there is no such file", "NOT_FOUND"),
    );
    await expect(loadPresets({ folder, env: { MILEPOST_PRESETS: "x.json" } })).rejects.toThrow(
      refused(/^x\.json/, "NOT_FOUND"),
    );
  });

  test.each<[unknown, string | RegExp]>([
    [[], "p.json:1: must be an object of presets by name"],
    [{ fine: {}, "no good": {} }, /^p\.json:3: no good: a preset's name must be/],
    [{ fine: { video: { fps: 0 } } }, /^p\.json:4: fine\.video\.fps: Too small.*found 0$/],
    [{ fine: { audio: "a.mp3" } }, 'p.json:2: fine: Unrecognized key: "audio"'],
    [
      { fine: { style: { font: Array.from({ length: 5_000 }, () => "f") } } },
      "p.json:2: fine: a preset must have at most 1000 values",
    ],
    [
      Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`p${index}`, {}])),
      "p.json:1: there must be at most 1000 presets",
    ],
    ["{", /^p\.json:1: is not JSON/],
  ])("file %# is refused", async (content, message) => {
    const folder = folderOf({ "p.json": content });
    await expect(loadPresets({ folder, env, file: "p.json" })).rejects.toThrow(refused(message));
  });
});
