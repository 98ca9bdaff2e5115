import type { Command } from "commander";
import { escapeText } from "../../format/escape.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { follow, viewFor } from "../follow.ts";
import { Interrupt } from "../interrupt.ts";
import { describeCounts, describeStatus } from "../screen/describe.ts";
import { declareVerb } from "../verb.ts";

export function watchVerb(cli: Cli): Command {
  return declareVerb({
    name: "watch",
    summary: "watch a batch live until it ends",
    description:
      "Shows a batch that another process works on: a live screen on a terminal, plain lines elsewhere. Ctrl-C ends the watching, not the work.",
    examples: [
      ["milepost watch holiday", "the live screen"],
      ["milepost watch holiday --json", "JSON lines, at most two a second"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--json", "print JSON lines")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      await cli.withStore(options, async (milepost) => {
        using interrupt = new Interrupt(cli);
        const batch = milepost.batch(name);
        const view = await viewFor(cli, batch, options, "Ctrl-C ends the watching, not the work");
        const end = await follow(batch, view, interrupt).finally(() => view.close());
        if (end === undefined) return;
        if (options.json === true) return;
        cli.line(`${escapeText(name)}: ${describeStatus(end)}: ${describeCounts(end.counts)}`);
      });
    });
}
