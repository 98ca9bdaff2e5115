import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { karaokePreviewVerb } from "./karaoke-preview.ts";
import { karaokeSchemaVerb } from "./karaoke-schema.ts";

export function karaokeVerb(cli: Cli): Command {
  return new Command("karaoke")
    .summary("what karaoke projects are made of")
    .description("Helps to write projects for karaoke videos; `milepost run karaoke` exports them.")
    .addCommand(karaokePreviewVerb(cli))
    .addCommand(karaokeSchemaVerb(cli));
}
