import { Command } from "commander";
import type { Cli } from "../cli.ts";
import { traceRecordVerb } from "./trace-record.ts";

export function traceVerb(cli: Cli): Command {
  return new Command("trace")
    .summary("write down how long items took, to test estimates with")
    .description("Traces of batches: sizes, kinds and times, to test estimates of remaining time with.")
    .addCommand(traceRecordVerb(cli));
}
