import { type Command, Option } from "commander";
import { IMAGE_FITS, IMAGE_FORMATS } from "../../pipelines/images/images-pipeline.ts";
import type { Cli } from "../cli.ts";
import type { RunFilesOptions } from "../run-files.ts";
import { runImages } from "../run-images.ts";
import { addRunOptions } from "../run-options.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

/** What `run images` was asked for. */
export interface RunImagesOptions extends RunFilesOptions {
  readonly out: string;
  readonly width?: number;
  readonly height?: number;
  readonly fit: (typeof IMAGE_FITS)[number];
  readonly enlarge?: boolean;
  readonly format: (typeof IMAGE_FORMATS)[number];
  readonly quality?: number;
  readonly nameTemplate?: string;
}

const DESCRIPTION = `Resizes and converts images: one item for each file, every one recorded as it is done.

The same command again goes on where it was and redoes nothing that is done, after Ctrl-C and
after any crash. Give files, folders (searched whole for images) or quoted patterns. Inputs are
never overwritten; images are turned upright and lose their metadata. Exit status: 0 all done,
1 some failed, 2 wrong use, 3 a file is missing, 4 trouble with the store, 130 or 143 stopped.`;

export function runImagesVerb(cli: Cli): Command {
  const verb = declareVerb({
    name: "images",
    summary: "resize and convert image files",
    description: DESCRIPTION,
    examples: [
      ["milepost run images photos --out small --width 1280", "a folder"],
      ["milepost run images 'photos/**/*.jpg' --out web --format webp --quality 80", "a pattern"],
      ["find . -name '*.png' -print0 | milepost run images --from-file - -0 --out flat", "names from a pipe"],
    ],
  })
    .argument("[files...]", "files, folders and patterns")
    .option("-o, --out <folder>", "where the outputs go", "milepost-out")
    .option("--width <pixels>", "width of the outputs", wholeNumber(1, 10_000))
    .option("--height <pixels>", "height of the outputs", wholeNumber(1, 10_000))
    .addOption(new Option("--fit <fit>", "how width and height are met").choices(IMAGE_FITS).default("inside"))
    .option("--enlarge", "also make small images larger")
    .addOption(new Option("--format <format>", "format of the outputs").choices(IMAGE_FORMATS).default("keep"))
    .option("--quality <n>", "1 to 100 (default: the encoder's)", wholeNumber(1, 100))
    .option("--name-template <text>", "names of the outputs, with {name} {ext} {width} {height} {format}")
    .option("--from-file <list>", "read names from a file, one a line; - is standard input")
    .option("-0, --null", "names in the list end with NUL instead of a line break")
    .option("--skip-missing", "leave out files that are missing instead of refusing to start");
  return addRunOptions(verb, cli, {
    items: "images",
    named: "the folder and the options",
    queue: "images",
    retries: 2,
  }).action(async (files: readonly string[], _options: unknown, command: Command) =>
    runImages(cli, files, command.optsWithGlobals<RunImagesOptions>()),
  );
}
