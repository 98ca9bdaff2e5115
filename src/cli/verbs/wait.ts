import type { Command } from "commander";
import { escapeText } from "../../format/escape.ts";
import { batchToJson } from "../batch-json.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { EXIT } from "../exit-status.ts";
import { Interrupt } from "../interrupt.ts";
import { describeCounts, describeStatus } from "../screen/describe.ts";
import { durationMs } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface WaitOptions extends CommonOptions {
  readonly timeout?: number;
}

export function waitVerb(cli: Cli): Command {
  return declareVerb({
    name: "wait",
    summary: "wait until a batch has ended",
    description:
      "Waits until a batch has ended, quietly. The exit status tells how: 0 if every item is completed, 1 if any failed or was cancelled, or the time ran out.",
    examples: [
      ["milepost wait holiday && ./publish.sh", "go on only if all is done"],
      ["milepost wait holiday --timeout 2h", "give up after two hours"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--timeout <time>", "wait at most this long: 30s, 10m, 2h", durationMs)
    .option("--json", "print the batch as one JSON document at the end")
    .action(async (name: string, _options: unknown, command: Command) =>
      wait(cli, name, command.optsWithGlobals<WaitOptions>()),
    );
}

async function wait(cli: Cli, name: string, options: WaitOptions): Promise<void> {
  await cli.withStore(options, async (milepost) => {
    using interrupt = new Interrupt(cli);
    const late = Promise.withResolvers<"late">();
    const timer =
      options.timeout === undefined ? null : cli.io.clock.after(options.timeout, () => late.resolve("late"));
    const end = await interrupt.unlessRaised(Promise.race([milepost.batch(name).done(), late.promise]));
    timer?.cancel();
    if (end === undefined) return;
    if (end === "late") {
      cli.note(`milepost: ${escapeText(name)} has not ended in the given time`);
      cli.status = EXIT.WORK_FAILED;
      return;
    }
    if (options.json === true) cli.json(batchToJson(end));
    else cli.line(`${escapeText(name)}: ${describeStatus(end)}: ${describeCounts(end.counts)}`);
    if (end.outcome !== "success") cli.status = EXIT.WORK_FAILED;
  });
}
