import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { runCommandVerb } from "./run-command.ts";
import { runDocumentsVerb } from "./run-documents.ts";
import { runImagesVerb } from "./run-images.ts";
import { runKaraokeVerb } from "./run-karaoke.ts";

export function runVerb(cli: Cli): Command {
  return new Command("run")
    .summary("run a batch here and now")
    .description("Runs a batch in this process, with a live screen. One subcommand for each kind of work.")
    .addCommand(runImagesVerb(cli))
    .addCommand(runDocumentsVerb(cli))
    .addCommand(runKaraokeVerb(cli))
    .addCommand(runCommandVerb(cli));
}
