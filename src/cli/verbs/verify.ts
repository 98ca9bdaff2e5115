import type { Command } from "commander";
import type { Cli, CommonOptions } from "../cli.ts";
import { printFindings } from "../findings.ts";
import { declareVerb } from "../verb.ts";

export function verifyVerb(cli: Cli): Command {
  return declareVerb({
    name: "verify",
    summary: "recount the store and compare; change nothing",
    description:
      "Recounts everything in the store and compares. Changes nothing. The exit status is 1 if something is wrong.",
    examples: [
      ["milepost verify", "print what is wrong"],
      ["milepost verify || milepost repair", "and mend it"],
    ],
  })
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const findings = await cli.withStore(options, (milepost) => milepost.verify());
      printFindings(cli, findings, options.json === true);
    });
}
