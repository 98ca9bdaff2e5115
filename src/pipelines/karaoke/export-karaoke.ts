import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { MilepostError, NoRetryError } from "../../core/errors.ts";
import type { Json } from "../../core/json.ts";
import type { HandlerItem, Step } from "../../engine/pipeline.ts";
import { type KaraokeOptions, type PresetPlaces, toKaraokeOptions } from "./karaoke-options.ts";
import { loadPresets } from "./load-presets.ts";
import { type LoadedProject, type LoadOptions, loadProject } from "./load-project.ts";
import { BUILT_IN_PRESETS, findPreset, type Presets } from "./presets.ts";
import type { RenderedVideo, RenderHooks, RenderOptions } from "./render.ts";
import { VideoFile } from "./video-file.ts";
import type { VideoInput } from "./video-input.ts";

/** What an exported video's item has as its output. */
export type VideoOutput = {
  readonly path: string;
  readonly frames: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly encoder: string;
};

/** `renderTo`, or what stands for it in a test. */
export type RenderVideo = (
  loaded: LoadedProject,
  path: string,
  hooks: RenderHooks,
  options: RenderOptions,
) => Promise<RenderedVideo>;

/**
 * Exports one project: loads it, renders it under a temporary name, and puts it in place. What is wrong with the project or
 * with what was asked for fails at once, with file and line; trouble of the machine may be tried again.
 */
export async function exportKaraoke(item: HandlerItem, step: Step, render: RenderVideo): Promise<Json> {
  try {
    return await exportOne(item, step, render);
  } catch (error) {
    if (!(error instanceof MilepostError) || error.retryable) throw error;
    throw new NoRetryError(error.message, { code: error.code, cause: error });
  }
}

async function exportOne(item: HandlerItem, step: Step, render: RenderVideo): Promise<VideoOutput> {
  step.stage("preparing");
  const input = toVideoInput(item.input);
  const options = toKaraokeOptions({ ...(item.batch.options as object | null), ...input.settings });
  if (input.overwrites !== undefined) throw overwrites("an input of the batch");
  const path = resolve(input.baseFolder, input.outputPath);
  const loaded = await loadVideo(input, options);
  const inputs = inputsOf(input, loaded);
  assertNoInput(path, inputs);
  const file = await VideoFile.begin(path, item.id);
  try {
    const made = await render(loaded, file.temporary, hooksOf(step), {
      ...(options.threads !== null && { threads: options.threads }),
      encoder: options.encoder,
    });
    await file.put(() => {
      step.signal.throwIfAborted();
      assertNoInput(path, inputs);
    });
    return { path, ...made };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** The stages that come after the first, each with all frames as its units once they are known. */
function hooksOf(step: Step): RenderHooks {
  let frames: number | null = null;
  return {
    signal: step.signal,
    paused: () => step.paused(),
    onStage: (stage) => step.stage(stage, { unit: "frame", ...(frames !== null && { total: frames }) }),
    onFrame(done, total) {
      frames = total;
      step.progress(done, total, "frame");
    },
  };
}

/** The project of an item. @throws {MilepostError} what is wrong with it, or with what was asked for */
export async function loadVideo(
  input: VideoInput,
  options: Pick<KaraokeOptions, "preset" | "presets" | "isConfined">,
): Promise<LoadedProject> {
  const { project, baseFolder, files } = input;
  const how = await loadOptionsOf(options);
  if (typeof project !== "string") return loadProject({ value: project, baseFolder }, how);
  const names = files === undefined ? {} : { names: new Map(Object.entries(files)) };
  const source = input.filename === undefined ? {} : { source: input.filename };
  return loadProject(resolve(baseFolder, project), { ...how, ...names, ...source });
}

/** How projects are loaded under these options. @throws {MilepostError} for presets that are not there, or wrong */
export async function loadOptionsOf(
  options: Pick<KaraokeOptions, "preset" | "presets" | "isConfined">,
): Promise<LoadOptions> {
  const { preset, isConfined } = options;
  const presets = options.presets === null ? BUILT_IN_PRESETS : await loadFrom(options.presets);
  return { isConfined, presets, ...(preset !== null && { preset: findPreset(presets, preset) }) };
}

function loadFrom({ folder, env, file }: PresetPlaces): Promise<Presets> {
  return loadPresets({ folder, env: { MILEPOST_PRESETS: env ?? undefined }, ...(file !== null && { file }) });
}

/** Every file that the export reads. */
export function inputsOf(input: Pick<VideoInput, "project" | "baseFolder">, loaded: LoadedProject): readonly string[] {
  const { project, baseFolder } = input;
  const own = typeof project === "string" ? resolve(baseFolder, project) : null;
  const { lyrics } = loaded.project;
  return [
    ...(own === null ? [] : [own]),
    ...(typeof lyrics === "string" ? [resolve(own === null ? baseFolder : dirname(own), lyrics)] : []),
    ...Object.values(loaded.files).filter((path) => path !== undefined),
    ...loaded.fonts.flatMap((font) => ("path" in font ? [font.path] : [])),
  ];
}

function assertNoInput(path: string, inputs: readonly string[]): void {
  if (isOneOf(path, inputs)) throw overwrites("a file that it is made of");
}

/** True if `path` is one of these files, by whatever name. */
export function isOneOf(path: string, files: readonly string[]): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (there === undefined) return false;
  return files.some((file) => {
    const read = statSync(file, { bigint: true, throwIfNoEntry: false });
    return there.dev === read?.dev && there.ino === read.ino;
  });
}

function overwrites(what: string): NoRetryError {
  return new NoRetryError(`the video would overwrite ${what}; choose another folder or name`, {
    code: "OUTPUT_IS_INPUT",
  });
}

/** @throws {NoRetryError} for what is no input of an export */
export function toVideoInput(input: Json): VideoInput {
  if (
    typeof input === "object" &&
    input !== null &&
    "project" in input &&
    "outputPath" in input &&
    "baseFolder" in input
  ) {
    const { project, outputPath, baseFolder } = input;
    const isProject = typeof project === "string" || (typeof project === "object" && project !== null);
    if (isProject && typeof outputPath === "string" && typeof baseFolder === "string") return input as VideoInput;
  }
  throw new NoRetryError("the input of an export must be an object with project, outputPath and baseFolder", {
    code: "INVALID_ARGUMENT",
  });
}
