import { type Command, Option } from "commander";
import { ENCODERS, type EncoderChoice, THREADS_MAX } from "../../pipelines/karaoke/karaoke-pipeline.ts";
import type { Cli } from "../cli.ts";
import type { RunFilesOptions } from "../run-files.ts";
import { runKaraoke } from "../run-karaoke.ts";
import { addRunOptions } from "../run-options.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

/** What `run karaoke` was asked for. */
export interface RunKaraokeOptions extends RunFilesOptions {
  readonly out: string;
  readonly preset?: string;
  readonly presets?: string;
  readonly threads?: number;
  readonly encoder: EncoderChoice;
  readonly nameTemplate?: string;
}

const DESCRIPTION = `Exports karaoke videos (MP4: H.264 and AAC): one item for each project file, rendered frame by
frame with the words filling as they are sung.

The same command again goes on with what is not done, after Ctrl-C and after any crash; a video
is there whole or not at all. milepost pause halts the video that is being made at its next
frame, and resume goes on with the next. No input is overwritten. Exit status: 0 all done, 1 some
failed, 2 wrong use, 3 a file is missing, 4 trouble with the store, 130 or 143 stopped.`;

export function runKaraokeVerb(cli: Cli): Command {
  const verb = declareVerb({
    name: "karaoke",
    summary: "export karaoke videos",
    description: DESCRIPTION,
    examples: [
      ["milepost run karaoke songs/*.json --out videos", "each project a video"],
      ["milepost run karaoke songs --preset 1080p --threads 2", "a folder, larger, on two cores"],
      ["milepost run karaoke song.json --start-at +2h --then 'notify-send done'", "later, and say so"],
      ["milepost karaoke preview song.json --at 12.5 --out frame.png", "one frame first"],
    ],
  })
    .argument("[projects...]", "project files, folders and patterns")
    .option("-o, --out <folder>", "where the videos go", "videos")
    .option("--preset <name>", "720p, 1080p, vertical, draft or one of your own; counts before the projects")
    .option("--presets <file>", "a file with presets of your own")
    .option("--threads <n>", "processors that one video keeps busy, about (default: all)", wholeNumber(1, THREADS_MAX))
    .addOption(new Option("--encoder <name>", "what encodes").choices(ENCODERS).default("auto"))
    .option("--name-template <text>", "names of the videos, with {name} {preset} (default: {name}.mp4)")
    .option("--from-file <list>", "read names from a file, one a line; - is standard input")
    .option("-0, --null", "names in the list end with NUL instead of a line break")
    .option("--skip-missing", "leave out files that are missing instead of refusing to start");
  return addRunOptions(verb, cli, {
    items: "videos",
    named: "the folder and the options",
    queue: "karaoke",
    retries: 1,
    atOnce: 1,
  }).action(async (projects: readonly string[], _options: unknown, command: Command) =>
    runKaraoke(cli, projects, command.optsWithGlobals<RunKaraokeOptions>()),
  );
}
