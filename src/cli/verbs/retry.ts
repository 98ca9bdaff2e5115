import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { formatPlural } from "../../format/number.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { findTarget } from "../target.ts";
import { declareVerb } from "../verb.ts";

interface RetryOptions extends CommonOptions {
  readonly failed?: boolean;
}

export function retryVerb(cli: Cli): Command {
  return declareVerb({
    name: "retry",
    summary: "make failed and cancelled items pending again",
    description:
      "Makes failed and cancelled items of a batch pending again, with a fresh budget of attempts; completed ones stay done. They run when somebody works on the batch: `milepost work`, or the command that started it.",
    examples: [
      ["milepost retry holiday --failed", "only what failed, not what was cancelled"],
      ["milepost retry holiday photos/a.jpg", "one item"],
      ["milepost retry holiday && milepost work --until-idle", "and run it here and now"],
    ],
  })
    .argument("<batch>", "name or id of the batch, or the id of an item")
    .argument("[item]", "an item of the batch")
    .option("--failed", "only failed items, not cancelled ones")
    .action(async (batch: string, item: string | undefined, _options: unknown, command: Command) =>
      retry(cli, { batch, item }, command.optsWithGlobals<RetryOptions>()),
    );
}

async function retry(
  cli: Cli,
  words: { readonly batch: string; readonly item: string | undefined },
  options: RetryOptions,
): Promise<void> {
  await cli.withStore(options, async (milepost) => {
    const target = await findTarget(cli, milepost, words);
    if (target.kind === "queue") throw new MilepostError("INVALID_ARGUMENT", "retry acts on a batch or an item");
    const changed =
      target.kind === "batch"
        ? await target.handle.retry({ failed: options.failed === true })
        : await target.handle.retry();
    if (changed === 0) {
      cli.line(`${target.title} has nothing to retry`);
      return;
    }
    cli.line(`${target.title}: ${formatPlural(changed, "item")} pending again`);
    const workers = (await milepost.workers()).filter((worker) => worker.concurrency > 0);
    if (workers.length === 0)
      cli.note(`nobody works on this store now; run ${cli.hint(options, "work", "--until-idle")}`);
  });
}
