import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { karaokeSchemaVerb } from "./karaoke-schema.ts";

export function karaokeVerb(cli: Cli): Command {
  return new Command("karaoke")
    .summary("what karaoke projects are made of")
    .description("Helps to write projects for karaoke videos.")
    .addCommand(karaokeSchemaVerb(cli));
}
