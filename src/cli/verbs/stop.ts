import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { batchControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function stopVerb(cli: Cli): Command {
  return batchControl(
    cli,
    declareVerb({
      name: "stop",
      summary: "pause, and give back what runs",
      description:
        "Stops a batch or a queue: nothing new starts, and what runs is aborted and returns to pending, keeping what it has saved. `milepost resume` lets it go on.",
      examples: [
        ["milepost stop holiday", "a batch"],
        ["milepost stop --queue images", "everything in a queue"],
        ["milepost resume holiday", "go on"],
      ],
    }),
    { past: "stopped", unchanged: "was stopped already", act: (target) => target.handle.stop() },
  );
}
