import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { itemControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function unholdVerb(cli: Cli): Command {
  return itemControl(
    cli,
    declareVerb({
      name: "unhold",
      summary: "let a held item run",
      description: "Lets an item run that `milepost hold` has held back.",
      examples: [
        ["milepost unhold holiday photos/a.jpg", "by batch and item"],
        ["milepost unhold 00000000-0007-8...", "by the id of the item"],
      ],
    }),
    { past: "no longer held", unchanged: "was not held", act: (target) => target.handle.unhold() },
  );
}
