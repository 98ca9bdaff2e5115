import type { Command } from "commander";
import type { Cli, CommonOptions } from "../cli.ts";
import { describeFailure } from "../screen/describe.ts";
import { declareVerb } from "../verb.ts";

export function failuresVerb(cli: Cli): Command {
  return declareVerb({
    name: "failures",
    summary: "show why items failed, grouped by message",
    description: "Shows the failed items of a batch grouped by message, the largest group first, each with an example.",
    examples: [
      ["milepost failures holiday", "the reasons"],
      ["milepost items holiday --state failed", "each failed item"],
      ["milepost retry holiday --failed", "try the failed ones again"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--json", "print one JSON document")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const failures = await cli.withStore(options, (milepost) => milepost.batch(name).failures());
      if (options.json === true) cli.json({ failures });
      else if (failures.length === 0) cli.note("no failures");
      else cli.lines(failures.map(describeFailure));
    });
}
