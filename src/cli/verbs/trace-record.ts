import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { escapeText } from "../../format/escape.ts";
import { formatPlural } from "../../format/number.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { followTrace } from "../follow-trace.ts";
import { Interrupt } from "../interrupt.ts";
import { recordTrace } from "../record-trace.ts";
import { declareVerb } from "../verb.ts";

interface RecordOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly out?: string;
}

export function traceRecordVerb(cli: Cli): Command {
  return declareVerb({
    name: "record",
    summary: "write a batch as a trace",
    description:
      "Writes how a batch went as a trace of JSON: sizes, kinds and times of its items, no names, inputs or outputs. A store " +
      "keeps no history of progress and pauses: --follow notes them while the batch runs. Without it, progress inside items is left out and " +
      "a span of over a minute in which nothing ran counts as a pause. The number of workers is the most that ran at once; of many attempts " +
      "the last ten or so are there.",
    examples: [
      ["milepost trace record holiday", "to stdout"],
      ["milepost trace record holiday --follow", "from now to its end; Ctrl-C writes what there is"],
      ["milepost trace record holiday --out holiday.json", "to a file"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--follow", "wait for the batch to end, and note progress and pauses until then")
    .option("--out <file>", "write here instead of to stdout")
    .action(async (name: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<RecordOptions>();
      const trace = await cli.withStore(options, async (milepost) => {
        using interrupt = new Interrupt(cli);
        const batch = milepost.batch(name);
        const { clock } = cli.io;
        const followed = options.follow === true ? await followTrace(batch, { clock, signal: interrupt.signal }) : null;
        return await recordTrace(batch, followed);
      });
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
