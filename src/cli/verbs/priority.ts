import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { findTarget } from "../target.ts";
import { readPriority } from "../values.ts";
import { declareVerb } from "../verb.ts";

export function priorityVerb(cli: Cli): Command {
  return declareVerb({
    name: "priority",
    summary: "let a batch or an item run sooner or later",
    description:
      "Sets the priority of a batch among the batches of its queue, or of an item among the items of its batch. Lower runs sooner; ties run in the order they came. Names: urgent -20, high -10, normal 0, low 10.",
    examples: [
      ["milepost priority holiday urgent", "a batch"],
      ["milepost priority holiday photos/a.jpg high", "one item"],
      ["milepost priority holiday -5", "any whole number"],
    ],
  })
    .usage("[options] <batch> [item] <priority>")
    .argument("<words...>")
    .action(async (words: readonly string[], _options: unknown, command: Command) => {
      const [batch, ...rest] = words;
      const priority = rest.pop();
      if (priority === undefined || rest.length > 1) {
        throw new MilepostError(
          "INVALID_ARGUMENT",
          "give a batch, perhaps an item, and a priority: priority <batch> [item] <priority>",
        );
      }
      const value = readPriority(priority);
      await cli.withStore(command.optsWithGlobals<CommonOptions>(), async (milepost) => {
        const target = await findTarget(cli, milepost, { batch, item: rest[0] });
        if (target.kind === "queue") return;
        await target.handle.setPriority(value);
        cli.line(`${target.title}: priority ${value}`);
      });
    });
}
