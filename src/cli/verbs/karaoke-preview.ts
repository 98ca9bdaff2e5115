import { writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { MilepostError, NoRetryError } from "../../core/errors.ts";
import { escapeText } from "../../format/escape.ts";
import { writeError } from "../../pipelines/file-errors.ts";
import { makeDirectory } from "../../pipelines/make-directory.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { presetPlaces } from "../run-karaoke.ts";
import { declareVerb } from "../verb.ts";

interface PreviewOptions extends CommonOptions {
  /** Milliseconds. */
  readonly at: number;
  readonly out: string;
  readonly preset?: string;
  readonly presets?: string;
}

const DAY_SECONDS = 86_400;

export function karaokePreviewVerb(cli: Cli): Command {
  return declareVerb({
    name: "preview",
    summary: "draw one frame of a project",
    description: "Draws one frame of a project as a PNG, as the video would show it. Needs no encoder and no store.",
    examples: [
      ["milepost karaoke preview song.json --at 12.5", "as frame.png here"],
      ["milepost karaoke preview song.json --at 1:02 --preset vertical --out tall.png", "another size"],
    ],
  })
    .argument("<project>", "the project's file")
    .option("--at <time>", "seconds into the video, or minutes: 62.5, 1:02.5", timeMs, 0)
    .option("-o, --out <file>", "where the picture goes", "frame.png")
    .option("--preset <name>", "a preset that counts before the project")
    .option("--presets <file>", "a file with presets of your own")
    .action(async (project: string, _options: unknown, command: Command) =>
      preview(cli, project, command.optsWithGlobals<PreviewOptions>()),
    );
}

/** Milliseconds from `12.5` or `1:02.5`. */
function timeMs(text: string): number {
  const [, minutes = "0", seconds] = /^(?:(\d{1,4}):)?(\d{1,5}(?:\.\d{1,6})?)$/.exec(text) ?? [];
  const total = Number(minutes) * 60 + Number(seconds);
  if (total <= DAY_SECONDS) return Math.round(total * 1_000);
  throw new InvalidArgumentError("It must be seconds, or minutes and seconds: 62.5 or 1:02.5.");
}

async function preview(cli: Cli, name: string, options: PreviewOptions): Promise<void> {
  const { cwd } = cli.io;
  const project = resolve(cwd, name);
  const out = resolve(cwd, options.out);
  // What draws costs other verbs nothing.
  const { inputsOf, isOneOf, loadOptionsOf } = await import("../../pipelines/karaoke/export-karaoke.ts");
  const { loadProject } = await import("../../pipelines/karaoke/load-project.ts");
  const { renderFrame } = await import("../../pipelines/karaoke/render.ts");
  const how = await loadOptionsOf({
    preset: options.preset ?? null,
    presets: presetPlaces(cli, options.presets),
    isConfined: false,
  });
  const loaded = await loadProject(project, how);
  if (isOneOf(out, inputsOf({ project, baseFolder: cwd }, loaded))) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      "the picture would overwrite a file of the project; choose another --out",
    );
  }
  const picture = await renderFrame(loaded, options.at).catch((error: unknown) => {
    throw error instanceof NoRetryError ? wrong(project, error) : error;
  });
  try {
    await makeDirectory(dirname(out));
    await writeFile(out, picture);
  } catch (error) {
    throw wrong(out, writeError(error));
  }
  cli.line(escapeText(out));
}

/** What the project's author or whoever gave `--out` can mend. */
function wrong(file: string, cause: Error): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", `${file}: ${cause.message}`, { details: { file }, cause });
}
