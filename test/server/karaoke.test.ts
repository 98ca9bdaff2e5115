import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createCanvas, loadImage } from "@napi-rs/canvas";
import { describe, expect, test } from "vitest";
import type { BatchSnapshot } from "../../src/index.ts";
import { exportKaraoke } from "../../src/pipelines/karaoke/export-karaoke.ts";
import { KARAOKE_STAGES } from "../../src/pipelines/karaoke/karaoke-pipeline.ts";
import { karaokeUploads } from "../../src/pipelines/karaoke/karaoke-uploads.ts";
import type { LoadedProject } from "../../src/pipelines/karaoke/load-project.ts";
import { batchStatusAnswerSchema } from "../../src/wire/batch-status.ts";
import { batchAcceptedSchema } from "../../src/wire/process-batch.ts";
import { signal } from "../support/open-for-test.ts";
import { Browser } from "./support/browser.ts";
import { PNG } from "./support/raw-form.ts";
import { startServer } from "./support/start-server.ts";

const json = (name: string, value: unknown) => text(name, JSON.stringify(value));
const text = (name: string, content: string) => ({ name, data: new Uint8Array(Buffer.from(content)) });
const WAV = Buffer.concat([Buffer.from("RIFF\0\0\0\0WAVEfmt "), Buffer.alloc(64)]);

const SONG = {
  lyrics: "words/song.lrc",
  audio: "song.wav",
  background: { type: "image", path: "back.png" },
  duration: 2,
};
const FILES = [
  json("song.json", SONG),
  text("song.lrc", "[00:00.00]<00:00.00>la <00:01.00>la<00:02.00>\n"),
  { name: "song.wav", data: new Uint8Array(WAV) },
  { name: "back.png", data: new Uint8Array(PNG) },
];

/** A server whose exports draw nothing, and a page of it; what was loaded of each project. */
async function pageWith(atFrame: (frame: number) => unknown = () => {}) {
  // Drawing may take long where all else is being tested too.
  const server = await startServer({ limits: { previewTimeoutMs: 60_000 } });
  const loadedProjects: LoadedProject[] = [];
  server.milepost.pipeline({
    name: "karaoke",
    stages: KARAOKE_STAGES,
    handler: (item, step) =>
      exportKaraoke(item, step, async (loaded, path, hooks) => {
        loadedProjects.push(loaded);
        const frames = ((loaded.durationMs ?? 0) * loaded.project.video.fps) / 1_000;
        hooks.onStage("rendering");
        for (let frame = 1; frame <= frames; frame++) {
          hooks.onFrame(frame, frames);
          await atFrame(frame);
        }
        hooks.onStage("finalizing");
        writeFileSync(path, "a video");
        return { frames, durationMs: 2_000, bytes: 7, encoder: "none" };
      }),
  });
  await server.milepost.work();
  return { server, page: new Browser(server), loadedProjects };
}

async function submitted(page: Browser, fileIds: readonly string[], more: object = {}): Promise<string> {
  const answer = await page.post("/api/process-batch", { fileIds, ...more });
  expect([answer.status, answer.status === 202 ? "" : await answer.clone().text()]).toEqual([202, ""]);
  return batchAcceptedSchema.parse(await answer.json()).batchId;
}

describe("karaoke over HTTP", () => {
  test("a project and its files become one video, to be downloaded", async () => {
    const { server, page, loadedProjects } = await pageWith();
    const fileIds = await page.uploaded(FILES);
    const batchId = await submitted(page, fileIds, { options: { preset: "draft" } });
    expect(await server.milepost.batch(batchId).snapshot()).toMatchObject({
      pipeline: "karaoke",
      counts: { total: 1 },
    } satisfies Partial<Record<keyof BatchSnapshot, unknown>>);
    await server.milepost.batch(batchId).done();
    const status = batchStatusAnswerSchema.parse(await (await page.fetch(`/api/batch-status/${batchId}`)).json());
    expect(status.images).toMatchObject([{ filename: "song.json", status: "completed" }]);
    const [loaded] = loadedProjects;
    const inFolder = join(server.files, "batches", batchId, "in");
    expect(loaded?.project.video).toMatchObject({ width: 640, height: 360, fps: 15 });
    expect(loaded?.lyrics.lines[0]?.words).toHaveLength(2);
    expect(loaded?.files).toEqual({
      audio: join(inFolder, `${fileIds[2]}.wav`),
      backgroundImage: join(inFolder, `${fileIds[3]}.png`),
    });
    expect(readdirSync(inFolder)).toHaveLength(4);
    const download = await page.fetch(`/api/batches/${batchId}/items/${status.images[0]?.id}/output`);
    expect([download.status, download.headers.get("content-type"), await download.text()]).toEqual([
      200,
      "video/mp4",
      "a video",
    ]);
    expect(download.headers.get("content-disposition")).toContain("song.mp4");
  });

  test("shows the stage and the frames of what runs", async () => {
    const halfway = signal();
    const gate = signal();
    const { server, page } = await pageWith((frame) => {
      if (frame !== 30) return;
      halfway.give();
      return gate.wait;
    });
    const batchId = await submitted(page, await page.uploaded(FILES));
    await halfway.wait;
    const batch = server.milepost.batch(batchId);
    for await (const { version } of batch.watch({ everyMs: 1 })) {
      const [item] = (await batch.items()).items;
      if (version > 0 && item?.progress.done === 30) break;
    }
    const status = batchStatusAnswerSchema.parse(await (await page.fetch(`/api/batch-status/${batchId}`)).json());
    expect(status.images[0]).toMatchObject({ status: "processing", stage: "rendering" });
    const { items } = (await (await page.fetch(`/api/batches/${batchId}/items`)).json()) as { items: unknown };
    expect(items).toMatchObject([{ progress: { stage: "rendering", done: 30, total: 60, unit: "frame" } }]);
    gate.give();
    await batch.done();
  });

  test("each project of a batch is a video; lyrics in JSON are none", async () => {
    const { server, page } = await pageWith();
    const words = { lines: [{ words: [{ text: "la", start: 0, end: 1 }] }] };
    const fileIds = await page.uploaded([
      json("a.json", { lyrics: "words.json", duration: 1 }),
      json("b.json", { lyrics: words, duration: 1 }),
      json("words.json", words),
    ]);
    const batch = server.milepost.batch(await submitted(page, fileIds));
    expect(await batch.done()).toMatchObject({ outcome: "success", counts: { total: 2 } });
  });

  test.each([
    ["a file that did not come with it", { lyrics: "other.lrc" }],
    ["a file of the machine", { lyrics: "../../../../etc/passwd" }],
    ["an absolute path", { ...SONG, audio: "/etc/passwd" }],
    ["a font of the machine", { ...SONG, style: { font: "/usr/share/fonts/x.ttf" } }],
  ])("a project that names %s fails, and says so", async (_what, project) => {
    const { server, page } = await pageWith();
    const [, ...others] = FILES;
    const batch = server.milepost.batch(
      await submitted(page, await page.uploaded([json("song.json", project), ...others])),
    );
    await batch.done();
    const [item] = (await batch.items()).items;
    expect(item).toMatchObject({ state: "failed", error: { code: "NOT_FOUND" } });
    expect(item?.error?.message).toContain("song.json: ");
    expect(item?.error?.message).toContain("is not among the files that came with it");
    expect(item?.error?.message).not.toContain(server.files);
  });

  test("shows a frame of an export at any time, and the frame at which it stands", async () => {
    const halfway = signal();
    const gate = signal();
    const { server, page } = await pageWith((frame) => {
      if (frame !== 45) return;
      halfway.give();
      return gate.wait;
    });
    const word = { text: "██", start: 0, end: 2 };
    const project = {
      lyrics: { lines: [{ words: [word] }] },
      background: { type: "color", color: "#000000" },
      duration: 2,
      style: { color: "#ff0000", sungColor: "#00ff00", leadIn: 0, fadeMs: 0, outlineWidth: 0 },
      video: { width: 720, height: 1280 },
    };
    const broken = { ...project, lyrics: "../../secret.lrc" };
    const batchId = await submitted(page, await page.uploaded([json("song.json", project), json("bad.json", broken)]));
    const batch = server.milepost.batch(batchId);
    const [item, bad] = (await batch.items()).items;
    const preview = (query = "", of = item) => page.fetch(`/api/batches/${batchId}/items/${of?.id}/preview${query}`);
    /** How much of the word is filled. */
    const filled = async (answer: Response): Promise<number> => {
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
      const canvas = createCanvas(360, 640);
      const context = canvas.getContext("2d");
      context.drawImage(await loadImage(Buffer.from(await answer.arrayBuffer())), 0, 0);
      const { data } = context.getImageData(0, 0, 360, 640);
      let [red, green] = [0, 0];
      for (let at = 0; at < data.length; at += 4) {
        red += Number((data[at] ?? 0) > 200);
        green += Number((data[at + 1] ?? 0) > 200);
      }
      return green / (red + green);
    };
    const stands = async () => (await batch.item(item?.id ?? "").snapshot()).progress.done;
    await halfway.wait;
    for await (const _ of batch.watch({ everyMs: 1 })) if ((await stands()) === 45) break;
    const now = await preview();
    const etag = now.headers.get("etag") ?? "";
    expect(await filled(now)).toBeCloseTo(44 / 60, 1);
    expect(await filled(await preview("?at=0.5"))).toBeCloseTo(0.25, 1);
    const again = await page.fetch(`/api/batches/${batchId}/items/${item?.id}/preview`, {
      headers: { "if-none-match": etag },
    });
    expect(again.status).toBe(304);
    const refused = await preview("", bad);
    expect([refused.status, await refused.text()]).toEqual([409, expect.stringContaining("is not among the files")]);
    expect((await preview("?at=-1")).status).toBe(400);
    gate.give();
    await batch.done();
  });

  test("files without a project, and options that are none, are refused", async () => {
    const { page } = await pageWith();
    const fileIds = await page.uploaded(FILES.slice(1));
    const none = await page.post("/api/process-batch", { fileIds });
    expect([none.status, await none.text()]).toEqual([422, expect.stringContaining("must be a project")]);
    const all = await page.uploaded(FILES);
    for (const options of [{ preset: "mine" }, { threads: 64 }, { out: "/tmp" }, { isConfined: false }]) {
      expect((await page.post("/api/process-batch", { fileIds: all, options })).status).toBe(422);
    }
  });
});

describe("what is taken as an upload", () => {
  test.each([
    ["a.json", '\ufeff {"lyrics": 1}', "application/json"],
    ["a.JSON", "{}", "application/json"],
    ["a.lrc", "[ti:x]", "text/x-lrc"],
    ["a.ass", "; comment\n\n[Script Info]", "text/x-ssa"],
    ["a.m4a", "\0\0\0\x20ftypM4A ", "audio/mp4"],
    ["a.mp4", "\0\0\0\x20ftypisom", "video/mp4"],
    ["a.mp4", "#EXTM3U\nhttp://127.0.0.1/", null],
    ["a.mp4", "ffconcat version 1.0", null],
    ["a.json", "[1]", null],
    ["a.txt", '{"lyrics": 1}', null],
    ["a.ass", `;${" ;".repeat(2_000)}`, null],
    ["a.lrc", "\x7fELF", null],
  ])("%s that begins with %j is %s", (filename, content, type) => {
    expect(karaokeUploads.accepts(Buffer.from(content), filename)?.type ?? null).toBe(type);
  });
});
