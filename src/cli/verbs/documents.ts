import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { documentsSearchVerb } from "./documents-search.ts";

export function documentsVerb(cli: Cli): Command {
  return new Command("documents")
    .summary("search an index of documents")
    .description("Looks into an index that `milepost run documents` made.")
    .addCommand(documentsSearchVerb(cli));
}
