import { randomUUID } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { writeError } from "../file-errors.ts";
import { OutputFiles } from "../images/output-file.ts";
import { audioDurationMs } from "./audio/open-audio.ts";
import { type Background, openBackground } from "./background/background.ts";
import type { Encoder } from "./encoder/encoder.ts";
import { type EncoderChoice, openEncoder } from "./encoder/open-encoder.ts";
import type { LoadedProject } from "./load-project.ts";
import { stayAlive } from "./media/load-webcodecs.ts";
import { familiesFor } from "./paint/fonts.ts";
import { loadCanvas } from "./paint/load-canvas.ts";
import { assertGlyphs } from "./paint/missing-glyphs.ts";
import { toRgba } from "./paint/planes.ts";
import { ScenePainter } from "./paint/scene-painter.ts";
import { TextPainter } from "./paint/text-painter.ts";
import { renderError, withFile } from "./render-errors.ts";
import { RENDER_LIMITS } from "./render-limits.ts";

export type RenderStage = "preparing" | "rendering" | "encoding" | "finalizing";

/** How a rendering is followed and steered. */
export interface RenderHooks {
  /** Aborts at the next frame; nothing is left then. */
  readonly signal: AbortSignal;
  /** Awaited before each frame: rendering halts there until it resolves. */
  paused(): Promise<void>;
  onStage(stage: RenderStage): void;
  /** While rendering, frames that were drawn; while encoding, frames that were encoded. */
  onFrame(done: number, total: number): void;
}

export interface RenderOptions {
  /** Processors whose time may be used; default: all. */
  readonly threads?: number;
  /** Default `auto`: webcodecs if it is installed, else ffmpeg. */
  readonly encoder?: EncoderChoice;
}

export interface RenderedVideo {
  readonly frames: number;
  readonly durationMs: number;
  readonly bytes: number;
  /** Which encoder made it. */
  readonly encoder: string;
}

/** Frames after which timers and messages get their turn, however fast all goes. */
const TURN_FRAMES = 8;
const outputs = new OutputFiles(randomUUID());

/**
 * Makes the video of a project: H.264 and AAC in an MP4 whose index comes first.
 *
 * Drawing and encoding go on at once; memory does not grow with the length. The file takes its place when it is whole: before that it is
 * `.milepost-<hash>-<unique>.tmp` beside it, which is removed if anything goes wrong, and by the next rendering of the same output if the
 * process died.
 *
 * @throws {NoRetryError} what is wrong with the project, by the codes of `RenderErrorCode`
 * @throws {MilepostError} `MISSING_DEPENDENCY`
 * @throws {Error} the signal's reason after an abort; what may pass, like a full disk.
 */
export async function renderVideo(
  loaded: LoadedProject,
  outputPath: string,
  hooks: RenderHooks,
  options: RenderOptions = {},
): Promise<RenderedVideo> {
  return await outputs.replace(outputPath, {
    isRetry: true,
    make: (path) => renderTo(loaded, path, hooks, options),
    check: () => hooks.signal.throwIfAborted(),
  });
}

/** The same at this very path, from its first byte on: for callers who put it in its place themselves, or remove it. @throws as `renderVideo` */
export async function renderTo(
  loaded: LoadedProject,
  path: string,
  hooks: RenderHooks,
  options: RenderOptions = {},
): Promise<RenderedVideo> {
  using _ = stayAlive();
  hooks.signal.throwIfAborted();
  hooks.onStage("preparing");
  try {
    const frames = await frameCountOf(loaded);
    const durationMs = Math.round((frames * 1_000) / loaded.project.video.fps);
    await assertWritable(path);
    const encoder = await encodeTo(path, { loaded, hooks, options, frames });
    return { frames, durationMs, bytes: (await stat(path)).size, encoder };
  } catch (error) {
    throw withFile(error, loaded.project);
  }
}

/**
 * One frame of the video, as PNG: the picture that is encoded, colours at half their resolution too.
 * @param sideMax pixels; what has a longer side is made smaller
 * @throws as `renderVideo`
 */
export async function renderFrame(
  loaded: LoadedProject,
  atMs: number,
  sideMax = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  using _ = stayAlive();
  try {
    return await drawFrame(loaded, atMs, sideMax);
  } catch (error) {
    throw withFile(error, loaded.project);
  }
}

async function drawFrame(loaded: LoadedProject, atMs: number, sideMax: number): Promise<Buffer> {
  const [painter, background] = [await painterOf(loaded), await openBackground(loaded)];
  try {
    await background.seek(atMs);
    const { picture, isNew } = await background.at(atMs);
    painter.draw(atMs, picture, isNew);
    const { width, height } = painter.picture;
    const { createCanvas, ImageData } = await loadCanvas();
    const canvas = createCanvas(width, height);
    canvas.getContext("2d").putImageData(new ImageData(toRgba(painter.picture), width, height), 0, 0);
    const scale = sideMax / Math.max(width, height);
    if (scale >= 1) return await canvas.encode("png");
    const small = createCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    small.getContext("2d").drawImage(canvas, 0, 0, small.width, small.height);
    return await small.encode("png");
  } finally {
    background.close();
  }
}

/** How many frames the video of a project has. @throws {NoRetryError} `INVALID_AUDIO`, `VIDEO_TOO_LONG` */
async function frameCountOf({ durationMs, files, project }: LoadedProject): Promise<number> {
  const lengthMs = durationMs ?? (files.audio === undefined ? 0 : await audioDurationMs(files.audio));
  const frames = Math.max(1, Math.round((lengthMs * project.video.fps) / 1_000));
  if (frames > RENDER_LIMITS.frames) {
    throw renderError(
      "VIDEO_TOO_LONG",
      `the video would have ${frames} frames; at most ${RENDER_LIMITS.frames} are made`,
    );
  }
  return frames;
}

/** What cannot be written is told before anything is drawn. @throws as `writeError` makes it */
async function assertWritable(path: string): Promise<void> {
  try {
    await (await open(path, "w")).close();
  } catch (error) {
    throw writeError(error);
  }
}

interface Rendering {
  readonly loaded: LoadedProject;
  readonly hooks: RenderHooks;
  readonly options: RenderOptions;
  readonly frames: number;
}

async function encodeTo(path: string, { loaded, hooks, options, frames }: Rendering): Promise<string> {
  const painter = await painterOf(loaded);
  const background = await openBackground(loaded);
  let encoder: Encoder | null = null;
  let isDrawn = false;
  try {
    encoder = await openEncoder(options.encoder ?? "auto", {
      path,
      ...loaded.project.video,
      frames,
      audio: loaded.files.audio ?? null,
      threads: options.threads ?? null,
      onEncoded: (encoded) => {
        if (isDrawn) hooks.onFrame(encoded, frames);
      },
    });
    hooks.onStage("rendering");
    hooks.onFrame(0, frames);
    await drawAll({ painter, background, encoder, frames, fps: loaded.project.video.fps, hooks });
    isDrawn = true;
    hooks.onStage("encoding");
    await encoder.drain();
    hooks.signal.throwIfAborted();
    hooks.onStage("finalizing");
    await encoder.finish();
    return encoder.name;
  } catch (error) {
    await encoder?.abort();
    const isWriting = error instanceof Error && "syscall" in error && error.syscall === "write";
    throw isWriting ? writeError(error) : error;
  } finally {
    background.close();
  }
}

async function drawAll(parts: {
  readonly painter: ScenePainter;
  readonly background: Background;
  readonly encoder: Encoder;
  readonly frames: number;
  readonly fps: number;
  readonly hooks: RenderHooks;
}): Promise<void> {
  const { painter, background, encoder, frames, fps, hooks } = parts;
  for (let frame = 0; frame < frames; frame++) {
    await hooks.paused();
    hooks.signal.throwIfAborted();
    const timeMs = (frame * 1_000) / fps;
    const { picture, isNew } = await background.at(timeMs);
    const isChanged = painter.draw(timeMs, picture, isNew);
    await encoder.encode(painter.picture, isChanged);
    hooks.onFrame(frame + 1, frames);
    if (frame % TURN_FRAMES === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function painterOf({ project, lyrics, fonts }: LoadedProject): Promise<ScenePainter> {
  const canvas = await loadCanvas();
  const text = lyrics.lines.flatMap(({ words }) => words.map((word) => word.text)).join("");
  const families = familiesFor(canvas, fonts, text);
  assertGlyphs(canvas, families, text);
  return new ScenePainter(project, lyrics, new TextPainter(canvas, families.css, project.style));
}
