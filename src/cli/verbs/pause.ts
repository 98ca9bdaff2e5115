import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { batchControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function pauseVerb(cli: Cli): Command {
  return batchControl(
    cli,
    declareVerb({
      name: "pause",
      summary: "start nothing new of a batch or queue; what runs finishes",
      description:
        "Pauses a batch or a queue: nothing new starts, what runs finishes. It answers when every live worker has confirmed. Works on batches of other processes.",
      examples: [
        ["milepost pause holiday", "a batch"],
        ["milepost pause --queue images", "everything in a queue"],
        ["milepost resume holiday", "go on"],
      ],
    }),
    { past: "paused", unchanged: "was paused already", act: (target) => target.handle.pause() },
  );
}
