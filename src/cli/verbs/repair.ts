import type { Command } from "commander";
import type { Cli, CommonOptions } from "../cli.ts";
import { printFindings } from "../findings.ts";
import { declareVerb } from "../verb.ts";

export function repairVerb(cli: Cli): Command {
  return declareVerb({
    name: "repair",
    summary: "recount the store and mend what is wrong",
    description:
      "Recounts everything in the store, mends what is wrong and says what it mended. The exit status is 1 if something could not be mended.",
    examples: [
      ["milepost repair", "mend, and print what was wrong"],
      ["milepost repair --json", "for programs"],
    ],
  })
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const findings = await cli.withStore(options, (milepost) => milepost.repair());
      printFindings(cli, findings, options.json === true);
    });
}
