import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LoadedProject, loadProject } from "../../src/pipelines/karaoke/load-project.ts";
import { findFfmpeg } from "../../src/pipelines/karaoke/media/ffmpeg.ts";
import { loadCanvas } from "../../src/pipelines/karaoke/paint/load-canvas.ts";
import type { KaraokeProject } from "../../src/pipelines/karaoke/project.ts";
import { type RenderHooks, renderFrame, renderTo, renderVideo } from "../../src/pipelines/karaoke/render.ts";
import { toWav } from "../support/karaoke-songs.ts";
import { temporaryFolder } from "../support/open-for-test.ts";
import { boxesOf, colorAt, describeVideo, onsetsOf, psnr, readVideo, shareOf } from "../support/read-video.ts";

const SUNG = [255, 0, 0] as const;
const UNSUNG = [255, 255, 255] as const;
const VIDEO = { width: 320, height: 180, fps: 25 } as const;
/** Without outline and fade, so that there are three colours. */
const STYLE = { sungColor: "#ff0000", outlineWidth: 0, fadeMs: 0, leadIn: 0, fontSize: 0.15 } as const;

const noHooks: RenderHooks = {
  signal: new AbortController().signal,
  paused: async () => {},
  onStage() {},
  onFrame() {},
};

/** Words of 400 ms each, the first at 400 ms. */
function wordsOf(...texts: readonly string[]): { lines: { words: { text: string; start: number; end: number }[] }[] } {
  const words = texts.map((text, index) => ({ text, start: 0.4 * (index + 1), end: 0.4 * (index + 2) }));
  return { lines: [{ words }] };
}

async function load(folder: string, some: Partial<KaraokeProject>): Promise<LoadedProject> {
  const value = {
    lyrics: wordsOf("HHH ", "MMM ", "HHH"),
    background: { type: "color", color: "#204060" },
    duration: 2,
    video: VIDEO,
    style: STYLE,
    ...some,
  };
  return await loadProject({ value, baseFolder: folder });
}

const left = { left: 0, right: 160 };
const right = { left: 160, right: 320 };

describe("a video", () => {
  test("has the frames, the size, the codecs and the colours it should, its index first", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "videos", "song.mp4");
    const stages: string[] = [];
    const frames: string[] = [];
    const video = await renderVideo(await load(folder, {}), output, {
      ...noHooks,
      onStage: (stage) => stages.push(stage),
      onFrame: (done, total) => frames.push(`${done}/${total}`),
    });
    expect(video).toMatchObject({ frames: 50, durationMs: 2_000, encoder: "webcodecs" });
    expect(stages).toEqual(["preparing", "rendering", "encoding", "finalizing"]);
    expect(frames.slice(0, 51)).toEqual(Array.from({ length: 51 }, (_, index) => `${index}/50`));
    expect(await describeVideo(output)).toMatchObject({
      width: 320,
      height: 180,
      packets: 50,
      seconds: expect.closeTo(2, 5),
      codec: expect.stringMatching(/^avc1\.64/),
      colorSpace: { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false },
      audio: null,
    });
    const boxes = boxesOf(output);
    expect(boxes.indexOf("moov")).toBeLessThan(boxes.indexOf("mdat"));
    expect(readdirSync(join(folder, "videos"))).toEqual(["song.mp4"]);

    const { pictures, times } = await readVideo(output);
    expect(times).toEqual(Array.from({ length: 50 }, (_, index) => expect.closeTo(index * 40, 1)));
    for (const picture of pictures) {
      colorAt(picture, 10, 10).forEach((value, channel) => {
        expect(Math.abs(value - ([0x20, 0x40, 0x60][channel] ?? 0))).toBeLessThanOrEqual(4);
      });
    }
  });

  test("fills the words when they are sung", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "song.mp4");
    await renderVideo(await load(folder, { lyrics: wordsOf("HHHH", "HHHH") }), output, noHooks);
    const { pictures } = await readVideo(output);
    const at = (ms: number): number[] => {
      const picture = pictures[ms / 40];
      if (picture === undefined) throw new Error(`no picture at ${ms} ms`);
      return [shareOf(picture, SUNG, left), shareOf(picture, SUNG, right), shareOf(picture, UNSUNG, right)];
    };
    expect(at(360)).toEqual([0, 0, expect.toSatisfy((share: number) => share > 0.01)]);
    expect(at(800)).toEqual([expect.toSatisfy((share: number) => share > 0.01), 0, expect.any(Number)]);
    const [sungLeft = 0, sungRight = 0, unsungRight] = at(1_240);
    expect(sungRight / sungLeft).toBeCloseTo(1, 0);
    expect(unsungRight).toBe(0);
    // Half way through a word half of it is filled.
    expect((at(600)[0] ?? 0) / sungLeft).toBeCloseTo(0.5, 0);
    const shares = pictures.map((picture) => shareOf(picture, SUNG, { left: 0, right: 320 }));
    shares.slice(0, 40).forEach((share, index) => {
      expect(share).toBeGreaterThanOrEqual((shares[index - 1] ?? 0) - 0.003);
    });
  });

  test("fills Arabic from the right", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "song.mp4");
    await renderVideo(await load(folder, { lyrics: wordsOf("سسس ", "سسس") }), output, noHooks);
    const { pictures } = await readVideo(output);
    const [half, whole] = [pictures[800 / 40], pictures[1_240 / 40]];
    if (half === undefined || whole === undefined) throw new Error("pictures are missing");
    expect(shareOf(half, SUNG, left)).toBe(0);
    expect(shareOf(half, SUNG, right)).toBeGreaterThan(0.005);
    expect(shareOf(whole, SUNG, left)).toBeGreaterThan(0.005);
  });

  test("has its sound in time, cut or with silence to its length", async () => {
    const folder = temporaryFolder();
    const tones = [500, 1_000].map((startMs) => ({ startMs, endMs: startMs + 200, pitch: 12 }));
    for (const [name, lengthMs, rate] of [
      ["short.wav", 1_300, 44_100],
      ["long.wav", 5_000, 48_000],
    ] as const) {
      writeFileSync(join(folder, name), toWav(tones, lengthMs, rate));
      const output = join(folder, `${name}.mp4`);
      await renderVideo(await load(folder, { audio: name }), output, noHooks);
      expect((await describeVideo(output)).audio).toEqual({ codec: "mp4a.40.2", seconds: expect.closeTo(2, 1) });
      const { onsets, lengthMs: playedMs } = await onsetsOf(output);
      expect(onsets).toEqual([expect.closeTo(500, -1), expect.closeTo(1_000, -1)]);
      expect(Math.abs(playedMs - 2_000)).toBeLessThan(30);
    }
  });

  test("is as long as its sound, where nothing else is said", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.wav"), toWav([], 1_480));
    const { duration: _, ...project } = (await load(folder, { audio: "a.wav" })).project;
    const loaded = await loadProject({ value: project, baseFolder: folder });
    const video = await renderVideo(loaded, join(folder, "song.mp4"), noHooks);
    expect(video).toMatchObject({ frames: 37, durationMs: 1_480 });
  });

  test("is the same however often it was paused; the frame of a preview is one of it", async () => {
    const folder = temporaryFolder();
    const loaded = await load(folder, {});
    await renderVideo(loaded, join(folder, "a.mp4"), noHooks);
    let frames = 0;
    await renderVideo(loaded, join(folder, "b.mp4"), {
      ...noHooks,
      paused: () => (frames++ % 7 === 3 ? new Promise((resolve) => setTimeout(resolve, 5)) : Promise.resolve()),
    });
    expect(frames).toBe(50);
    const [a, b] = [await readVideo(join(folder, "a.mp4")), await readVideo(join(folder, "b.mp4"))];
    expect(b.pictures).toHaveLength(50);
    b.pictures.forEach((picture, index) => {
      const other = a.pictures[index];
      expect(other === undefined ? 0 : psnr(picture, other)).toBeGreaterThanOrEqual(40);
    });
    const png = await renderFrame(loaded, 800);
    expect(png.subarray(1, 4).toString()).toBe("PNG");
  });

  test("leaves nothing when it is aborted, and what was there stays", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "song.mp4");
    writeFileSync(output, "before");
    const loaded = await load(folder, {});
    for (const last of [0, 1, 20]) {
      const abort = new AbortController();
      const reason = new Error("enough");
      let drawn = 0;
      const hooks = {
        ...noHooks,
        signal: abort.signal,
        onFrame: (done: number) => {
          drawn = done;
          if (done === last) abort.abort(reason);
        },
      };
      if (last === 0) abort.abort(reason);
      await expect(renderVideo(loaded, output, hooks)).rejects.toBe(reason);
      expect(drawn).toBe(last);
      expect(readdirSync(folder)).toEqual(["song.mp4"]);
    }
  });

  test("takes the place of what a killed process left", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "song.mp4");
    const loaded = await load(folder, { duration: 0.2 });
    let temporary = "";
    await renderVideo(loaded, output, {
      ...noHooks,
      onStage: (stage) => {
        if (stage === "encoding") temporary = readdirSync(folder).find((name) => name.endsWith(".tmp")) ?? "";
      },
    });
    expect(temporary).toMatch(/^\.milepost-[0-9a-f]{16}-/);
    writeFileSync(join(folder, temporary), "half a video");
    await renderVideo(loaded, output, noHooks);
    expect(readdirSync(folder)).toEqual(["song.mp4"]);
  });

  test("can be held to a part of the processors' time", async () => {
    const folder = temporaryFolder();
    const before = process.cpuUsage();
    const start = performance.now();
    await renderVideo(await load(folder, {}), join(folder, "song.mp4"), noHooks, { threads: 0.25 });
    const { user, system } = process.cpuUsage(before);
    // What is used before the first frame and after the last is not held back.
    expect((user + system) / 1_000 / (performance.now() - start)).toBeLessThan(0.9);
  });
});

describe("a background", () => {
  test("of a video runs, begins again at its end, or stays", async () => {
    const folder = temporaryFolder();
    const red = await load(folder, { background: { type: "color", color: "#c03020" }, duration: 0.4 });
    await renderVideo(red, join(folder, "red.mp4"), noHooks);
    for (const [width, loop] of [
      [320, true],
      [200, false],
    ] as const) {
      const background = { type: "video", path: "red.mp4", loop } as const;
      const output = join(folder, `${width}.mp4`);
      const loaded = await load(folder, { background, duration: 1, video: { ...VIDEO, width }, lyrics: wordsOf("H") });
      await renderVideo(loaded, output, noHooks);
      const { pictures } = await readVideo(output);
      expect(pictures).toHaveLength(25);
      for (const picture of pictures) {
        colorAt(picture, 10, 10).forEach((value, channel) => {
          expect(Math.abs(value - ([0xc0, 0x30, 0x20][channel] ?? 0))).toBeLessThanOrEqual(12);
        });
      }
    }
  });

  test("of a video is in time, in a preview too", async () => {
    const folder = temporaryFolder();
    // What is behind is white from 400 ms on, in a run of 800 ms.
    const words = { lines: [{ words: [{ text: "HHHHHH", start: 0.4, end: 0.4 }] }] };
    const style = { ...STYLE, fill: "word", color: "#204060", sungColor: "#ffffff", fontSize: 0.4 } as const;
    await renderVideo(await load(folder, { lyrics: words, style, duration: 0.8 }), join(folder, "behind.mp4"), noHooks);
    const nothing = { lines: [{ words: [{ text: "H", start: 100, end: 101 }] }] };
    const background = { type: "video", path: "behind.mp4", loop: true } as const;
    const loaded = await load(folder, { background, lyrics: nothing });
    await renderVideo(loaded, join(folder, "song.mp4"), noHooks);
    const { pictures } = await readVideo(join(folder, "song.mp4"));
    const isWhite = pictures.map((picture) => shareOf(picture, [255, 255, 255], { left: 0, right: 320 }) > 0.02);
    expect(isWhite).toEqual(pictures.map((_, index) => (index * 40) % 800 >= 400));
    const canvas = await loadCanvas();
    for (const atMs of [0, 360, 480, 1_160, 1_240, 79_600]) {
      const image = await canvas.loadImage(await renderFrame(loaded, atMs));
      const context = canvas.createCanvas(320, 180).getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, 320, 180);
      const white = data.filter((value, index) => index % 4 === 0 && value > 200).length;
      expect(white > 500).toBe(atMs % 800 >= 400);
    }
  });

  test.each([
    ["playlist.mp4", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n"],
    ["concat.mp4", "ffconcat version 1.0\nfile /etc/passwd\n"],
    ["cut.mp4", "\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"],
    ["zero.mp4", `\0\0\0\x10ftypisom\0\0\0\0${"\0\0\0\0moov".repeat(4)}`],
    ["itself.mp4", `\0\0\0\x10ftypisom\0\0\0\0${"\0\0\0\x08moov".repeat(400)}`],
    ["huge.mp4", "\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x01mdat\x7f\xff\xff\xff\xff\xff\xff\xff"],
    ["empty.webm", "\x1aE\xdf\xa3\x80"],
    ["none.mp4", ""],
  ])("%s is no video", async (name, content) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, name), content, "latin1");
    const loaded = await load(folder, { background: { type: "video", path: name } });
    await expect(renderVideo(loaded, join(folder, "song.mp4"), noHooks)).rejects.toMatchObject({
      name: "NoRetryError",
      code: "INVALID_BACKGROUND",
    });
    expect(readdirSync(folder)).toEqual([name]);
  });

  test.each([
    ["a.png", "<svg xmlns='http://www.w3.org/2000/svg'><image href='http://127.0.0.1:9/x'/></svg>", /not JPEG/],
    ["b.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x06\0\0\0\0\0\0\0", /too large/],
    ["c.png", `\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0${"x".repeat(50)}`, /damaged/],
  ])("%s is no picture", async (name, content, message) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, name), content, "latin1");
    const loaded = await load(folder, { background: { type: "image", path: name } });
    const made = renderFrame(loaded, 0);
    await expect(made).rejects.toMatchObject({ code: "INVALID_BACKGROUND", message: expect.stringMatching(message) });
    await expect(made).rejects.toThrow(`${name}: the background`);
  });
});

describe("singers", () => {
  test("what was sung has the colour of who sings it, and dots count down in it", async () => {
    const line = (start: number, singer?: string) => ({
      words: [{ text: "MMM", start, end: start + 0.5 }],
      ...(singer !== undefined && { singer }),
    });
    const loaded = await load(".", {
      lyrics: { lines: [line(2, "Ann"), line(3, "Bob"), line(4, "toString"), line(5)] },
      background: { type: "color", color: "#000000" },
      style: {
        lines: 1,
        color: "#000000",
        sungColor: "#ffffff",
        outlineWidth: 0,
        fadeMs: 0,
        leadIn: 1,
        singers: { Ann: "#ff0000", Bob: "#0000ff" },
      },
    });
    const colorsAt = async (seconds: number): Promise<readonly boolean[]> => {
      const canvas = await loadCanvas();
      const image = await canvas.loadImage(await renderFrame(loaded, seconds * 1_000));
      const context = canvas.createCanvas(320, 180).getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, 320, 180);
      return [0, 1, 2].map((channel) => data.some((value, index) => index % 4 === channel && value > 200));
    };
    expect(await colorsAt(1.5)).toEqual([true, false, false]);
    expect(await colorsAt(2.45)).toEqual([true, false, false]);
    expect(await colorsAt(3.45)).toEqual([false, false, true]);
    for (const other of [4.45, 5.6]) expect(await colorsAt(other)).toEqual([true, true, true]);
  });
});

describe("what cannot be", () => {
  test.each([
    ["a.mp3", "#EXTM3U\nhttp://127.0.0.1:9/a.mp3\n"],
    ["b.wav", "RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\0\0"],
    ["c.ogg", `OggS${"\0".repeat(60)}`],
    ["d.m4a", "\0\0\0\x18ftypM4A \0\0\0\0isom\0\0\0\0"],
  ])("the sound of %s is refused", async (name, content) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, name), content, "latin1");
    const made = renderVideo(await load(folder, { audio: name }), join(folder, "song.mp4"), noHooks);
    await expect(made).rejects.toMatchObject({ name: "NoRetryError", code: "INVALID_AUDIO" });
    await expect(made).rejects.toThrow(`${name}: the audio`);
    expect(readdirSync(folder)).toEqual([name]);
  });

  test.each([
    ["stsc", 12],
    ["stts", 8],
    ["stsz", 8],
  ])("an index that claims more than a file can hold is refused at once: %s", async (box, at) => {
    const folder = temporaryFolder();
    const video = { width: 64, height: 36, fps: 10 } as const;
    const path = join(folder, "bad.mp4");
    await renderVideo(await load(folder, { duration: 0.5, video }), path, noHooks);
    const file = readFileSync(path);
    file.writeUInt32BE(2 ** 31, file.indexOf(box) + 4 + at);
    writeFileSync(path, file);
    const loaded = await load(folder, { duration: 0.3, video, background: { type: "video", path: "bad.mp4" } });
    const made = renderVideo(loaded, join(folder, "out.mp4"), noHooks);
    await expect(made).rejects.toMatchObject({ code: "INVALID_BACKGROUND" });
  });

  test("damaged files are read or refused, and never more than that", async () => {
    const folder = temporaryFolder();
    const video = { width: 64, height: 36, fps: 10 } as const;
    writeFileSync(join(folder, "a.wav"), toWav([{ startMs: 100, endMs: 300, pitch: 0 }], 500));
    await renderVideo(await load(folder, { audio: "a.wav", duration: 0.5, video }), join(folder, "good.mp4"), noHooks);
    const good = readFileSync(join(folder, "good.mp4"));
    const damages = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(damages, fc.option(fc.nat(good.length)), fc.boolean(), async (changes, length, isSound) => {
        const damaged = Buffer.from(good);
        for (const [at, value] of changes) damaged[at] = value;
        writeFileSync(join(folder, "bad.mp4"), damaged.subarray(0, length ?? good.length));
        const background = { type: "video", path: "bad.mp4" } as const;
        const loaded = await load(folder, {
          duration: 0.3,
          video,
          ...(isSound ? { audio: "bad.mp4" } : { background }),
        });
        await renderVideo(loaded, join(folder, "out.mp4"), noHooks).catch((error: unknown) => {
          expect(error).toMatchObject({ name: "NoRetryError", code: isSound ? "INVALID_AUDIO" : "INVALID_BACKGROUND" });
        });
      }),
      { numRuns: 40 },
    );
  });

  test("characters that no font has are named", async () => {
    const made = renderFrame(await load(".", { lyrics: wordsOf("ok ", "\u{1e900}"), style: { font: "Nowhere" } }), 0);
    await expect(made).rejects.toMatchObject({
      code: "MISSING_GLYPHS",
      message: expect.stringMatching(/U\+1E922|U\+1E900.*Nowhere: not installed/s),
    });
  });

  test("an output that cannot be written is told before anything is drawn", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    let drawn = 0;
    const hooks = { ...noHooks, onFrame: () => drawn++ };
    const made = renderVideo(await load(folder, {}), join(folder, "file", "song.mp4"), hooks);
    await expect(made).rejects.toThrow(/cannot write the output|directory/);
    expect(drawn).toBe(0);
  });

  test.skipIf(!existsSync("/dev/full")).each(["webcodecs", "ffmpeg"] as const)(
    "a disk that is full, written by %s",
    async (encoder) => {
      if (encoder === "ffmpeg" && findFfmpeg() === null) return;
      const made = renderTo(await load(".", {}), "/dev/full", noHooks, { encoder });
      await expect(made).rejects.toThrow(/no space left/i);
    },
  );

  test("a font file that is none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.ttf"), "no font");
    const made = renderFrame(await load(folder, { style: { font: "a.ttf" } }), 0);
    await expect(made).rejects.toMatchObject({
      code: "INVALID_FONT",
      message: expect.stringMatching(/^a\.ttf: style\.font: .*must be a \.ttf/),
    });
  });

  test("a video of days", async () => {
    const loaded = await load(".", { duration: 86_000 });
    await expect(renderVideo(loaded, "never.mp4", noHooks)).rejects.toMatchObject({ code: "VIDEO_TOO_LONG" });
  });
});

describe.skipIf(findFfmpeg() === null)("ffmpeg", () => {
  test("makes the same pictures and sound as webcodecs", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.wav"), toWav([{ startMs: 500, endMs: 700, pitch: 0 }], 1_000));
    const loaded = await load(folder, { audio: "a.wav" });
    const [ours, theirs] = [join(folder, "a.mp4"), join(folder, "b.mp4")];
    await renderVideo(loaded, ours, noHooks, { encoder: "webcodecs" });
    const made = await renderVideo(loaded, theirs, noHooks, { encoder: "ffmpeg", threads: 1 });
    expect(made).toMatchObject({ frames: 50, encoder: "ffmpeg" });
    expect(boxesOf(theirs).indexOf("moov")).toBeLessThan(boxesOf(theirs).indexOf("mdat"));
    expect(await describeVideo(theirs)).toMatchObject({ packets: 50, audio: { codec: "mp4a.40.2" } });
    expect((await onsetsOf(theirs)).onsets).toEqual([expect.closeTo(500, -1)]);
    const [a, b] = [await readVideo(ours), await readVideo(theirs)];
    a.pictures.forEach((picture, index) => {
      const other = b.pictures[index];
      expect(other === undefined ? 0 : psnr(picture, other)).toBeGreaterThan(30);
    });
  });

  test("an abort ends it and leaves nothing", async () => {
    const folder = temporaryFolder();
    const abort = new AbortController();
    const onFrame = (done: number): void => {
      if (done === 20) abort.abort(new Error("enough"));
    };
    const hooks = { ...noHooks, signal: abort.signal, onFrame };
    const made = renderVideo(await load(folder, {}), join(folder, "song.mp4"), hooks, { encoder: "ffmpeg" });
    await expect(made).rejects.toThrow("enough");
    expect(readdirSync(folder)).toEqual([]);
  });
});
