import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { anyControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function removeVerb(cli: Cli): Command {
  return anyControl(
    cli,
    declareVerb({
      name: "remove",
      summary: "delete the record of a batch, an item or a queue",
      description:
        "Removes a batch with its items, one item, or every batch of a queue from the store. Files are not touched. Refused while it runs: stop or cancel it first.",
      examples: [
        ["milepost remove holiday", "a batch"],
        ["milepost remove holiday photos/a.jpg", "one item"],
        ["milepost remove --queue images", "every batch of a queue"],
      ],
    }),
    { past: "removed", unchanged: "had nothing to remove", act: (target) => target.handle.remove() },
  );
}
