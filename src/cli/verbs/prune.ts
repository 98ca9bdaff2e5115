import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { formatPlural } from "../../format/number.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { durationMs, wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface PruneOptions extends CommonOptions {
  readonly olderThan?: number;
  readonly keep?: number;
}

export function pruneVerb(cli: Cli): Command {
  return declareVerb({
    name: "prune",
    summary: "delete the records of batches that ended long ago",
    description:
      "Deletes the records of ended batches by age or by number. Running, paused and pending batches stay, and files are not touched. With both options, only a batch goes that both name.",
    examples: [
      ["milepost prune --older-than 7d", "what ended more than a week ago"],
      ["milepost prune --keep 20", "all but the 20 that ended last"],
    ],
  })
    .option("--older-than <time>", "batches that ended longer ago than this: 12h, 7d, 4w", durationMs)
    .option("--keep <n>", "all ended batches but this many of the newest", wholeNumber(0, 1_000_000))
    .option("--json", "print the ids of the deleted batches as one JSON document")
    .action(async (_options: unknown, command: Command) => prune(cli, command.optsWithGlobals<PruneOptions>()));
}

async function prune(cli: Cli, options: PruneOptions): Promise<void> {
  if (options.olderThan === undefined && options.keep === undefined) {
    throw new MilepostError("INVALID_ARGUMENT", "say what to delete: --older-than <time>, --keep <n>, or both");
  }
  const removed = await cli.withStore(options, (milepost) =>
    milepost.prune({
      ...(options.olderThan !== undefined && { olderThanMs: options.olderThan }),
      ...(options.keep !== undefined && { keep: options.keep }),
    }),
  );
  if (options.json === true) cli.json({ removed });
  else cli.line(`${formatPlural(removed.length, "batch", "batches")} deleted`);
}
