import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { itemControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function holdVerb(cli: Cli): Command {
  return itemControl(
    cli,
    declareVerb({
      name: "hold",
      summary: "keep an item pending until unhold",
      description: "Holds a pending item back: it stays pending until `milepost unhold`. An item that runs is refused.",
      examples: [
        ["milepost hold holiday photos/a.jpg", "by batch and item"],
        ["milepost hold 00000000-0007-8...", "by the id of the item (see `milepost items --json`)"],
      ],
    }),
    { past: "held", unchanged: "was held already", act: (target) => target.handle.hold() },
  );
}
