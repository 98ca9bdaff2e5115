import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { escapeText } from "../../format/escape.ts";
import { formatPlural } from "../../format/number.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { recordTrace } from "../record-trace.ts";
import { declareVerb } from "../verb.ts";

export function traceRecordVerb(cli: Cli): Command {
  return declareVerb({
    name: "record",
    summary: "write a batch as a trace",
    description:
      "Writes how a batch went as a trace of JSON: sizes, kinds and times of its items, no names, inputs or outputs. A store " +
      "keeps no history of progress, pauses and workers, so: progress inside items is left out, a span of over a minute in which nothing ran " +
      "counts as a pause, the number of workers is the most that ran at once, and of many attempts the last ten or so are there.",
    examples: [
      ["milepost trace record holiday", "to stdout"],
      ["milepost trace record holiday --out holiday.json", "to a file"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--out <file>", "write here instead of to stdout")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { readonly out?: string }>();
      const trace = await cli.withStore(options, (milepost) => recordTrace(milepost.batch(name)));
      if (options.out === undefined) cli.json(trace);
      else {
        write(resolve(cli.io.cwd, options.out), `${JSON.stringify(trace)}\n`);
        cli.note(`${formatPlural(trace.items.length, "item")} in ${escapeText(options.out)}`);
      }
    });
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new MilepostError("INVALID_ARGUMENT", `cannot write the trace to ${path}; give another --out`, {
      cause: error,
    });
  }
}
