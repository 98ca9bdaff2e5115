import type { Command } from "commander";
import type { Cli } from "../cli.ts";
import { batchControl } from "../control-verb.ts";
import { declareVerb } from "../verb.ts";

export function resumeVerb(cli: Cli): Command {
  return batchControl(
    cli,
    declareVerb({
      name: "resume",
      summary: "let a paused or stopped batch or queue go on",
      description:
        "Lets a paused or stopped batch or queue go on. Somebody has to work on it: `milepost work`, or the command that started it.",
      examples: [
        ["milepost resume holiday", "a batch"],
        ["milepost resume --queue images", "a queue"],
      ],
    }),
    { past: "resumed", unchanged: "was not paused", act: (target) => target.handle.resume() },
  );
}
