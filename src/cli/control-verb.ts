import type { Command } from "commander";
import { MilepostError } from "../core/errors.ts";
import { formatPlural } from "../format/number.ts";
import type { Cli, CommonOptions } from "./cli.ts";
import { findItemTarget, findTarget, type Target } from "./target.ts";

interface ControlOptions extends CommonOptions {
  readonly queue?: string;
}

type OneOf<Kind extends Target["kind"]> = Extract<Target, { readonly kind: Kind }>;

export interface ControlSpec<Kind extends Target["kind"]> {
  /** What became of it: `paused`. */
  readonly past: string;
  /** What is said if nothing changed: `was paused already`. */
  readonly unchanged: string;
  /** Returns how many items or controls changed. */
  readonly act: (target: OneOf<Kind>) => Promise<number>;
}

/** A verb on a batch or, with `--queue`, on a queue. */
export function batchControl(cli: Cli, command: Command, spec: ControlSpec<"batch" | "queue">): Command {
  return command
    .argument("[batch]", "name or id of the batch")
    .option("--queue <name>", "a whole queue instead of a batch")
    .action(async (batch: string | undefined) => {
      const options = command.optsWithGlobals<ControlOptions>();
      await cli.withStore(options, async (milepost) => {
        const target = await findTarget(cli, milepost, { batch, queue: options.queue });
        if (target.kind === "item") {
          throw new MilepostError(
            "INVALID_ARGUMENT",
            `${command.name()} acts on batches and queues; an item can be held or cancelled`,
          );
        }
        answer(cli, spec, target, await spec.act(target));
      });
    });
}

/** A verb on a batch, one of its items or, with `--queue`, a queue. */
export function anyControl(cli: Cli, command: Command, spec: ControlSpec<Target["kind"]>): Command {
  return command
    .argument("[batch]", "name or id of the batch, or the id of an item")
    .argument("[item]", "an item of the batch")
    .option("--queue <name>", "a whole queue instead of a batch")
    .action(async (batch: string | undefined, item: string | undefined) => {
      const options = command.optsWithGlobals<ControlOptions>();
      await cli.withStore(options, async (milepost) => {
        const target = await findTarget(cli, milepost, { batch, item, queue: options.queue });
        answer(cli, spec, target, await spec.act(target));
      });
    });
}

/** A verb on one item. */
export function itemControl(cli: Cli, command: Command, spec: ControlSpec<"item">): Command {
  return command
    .argument("<batch>", "name or id of the batch, or the id of the item")
    .argument("[item]", "the item")
    .action(async (batch: string, item: string | undefined) => {
      await cli.withStore(command.optsWithGlobals<CommonOptions>(), async (milepost) => {
        const target = await findItemTarget(cli, milepost, { batch, item });
        answer(cli, spec, target, await spec.act(target));
      });
    });
}

function answer(cli: Cli, spec: Pick<ControlSpec<never>, "past" | "unchanged">, target: Target, changed: number): void {
  if (changed === 0) cli.line(`${target.title} ${spec.unchanged}`);
  else cli.line(`${target.title}: ${spec.past}${changed > 1 ? ` (${formatPlural(changed, "item")})` : ""}`);
}
