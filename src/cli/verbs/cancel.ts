import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { anyControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function cancelVerb(cli: Cli): Command {
  return anyControl(
    cli,
    declareVerb({
      name: "cancel",
      summary: "end a batch, an item or a queue for good",
      description:
        "Cancels a batch, one item, or every batch of a queue: what has not ended ends as cancelled at once, and what runs is aborted, in other processes too. What is done stays done. `milepost retry` takes it back.",
      examples: [
        ["milepost cancel holiday", "a batch"],
        ["milepost cancel holiday photos/a.jpg", "one item"],
        ["milepost cancel --queue images", "every batch of a queue"],
      ],
    }),
    { past: "cancelled", unchanged: "had ended already", act: (target) => target.handle.cancel() },
  );
}
