import type { Command } from "commander";
import type { ItemSnapshot } from "../../core/item.ts";
import { LIMITS } from "../../core/limits.ts";
import type { ItemState } from "../../core/transitions.ts";
import { formatRelative } from "../../format/duration.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount } from "../../format/number.ts";
import { formatTable } from "../../format/table.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";
import { itemState } from "../words.ts";

interface ItemsOptions extends CommonOptions {
  readonly state?: ItemState;
  readonly stage?: string;
  readonly limit: number;
  readonly after?: string;
}

export function itemsVerb(cli: Cli): Command {
  return declareVerb({
    name: "items",
    summary: "list the items of a batch",
    description: "Lists the items of a batch in order of submission, a page at a time.",
    examples: [
      ["milepost items holiday", "the first 100"],
      ["milepost items holiday --state processing", "what runs now"],
      ["milepost items holiday --state failed --json", "failed items with their errors"],
    ],
  })
    .argument("<batch>", "name or id of the batch")
    .option("--state <state>", "only items in this state", itemState)
    .option("--stage <stage>", "only items in this stage")
    .option("--limit <n>", "at most this many", wholeNumber(1, LIMITS.pageItems), 100)
    .option("--after <cursor>", "go on after this cursor, which the page before has printed")
    .option("--json", "print one JSON document")
    .action(async (name: string, _options: unknown, command: Command) =>
      items(cli, name, command.optsWithGlobals<ItemsOptions>()),
    );
}

async function items(cli: Cli, name: string, options: ItemsOptions): Promise<void> {
  const page = await cli.withStore(options, (milepost) =>
    milepost.batch(name).items({
      limit: options.limit,
      ...(options.state !== undefined && { state: options.state }),
      ...(options.stage !== undefined && { stage: options.stage }),
      ...(options.after !== undefined && { after: options.after }),
    }),
  );
  if (options.json === true) {
    cli.json(page);
    return;
  }
  if (page.items.length === 0) cli.note("no items");
  else cli.lines(itemTable(page.items, cli.columns, cli.io.clock.now()));
  if (page.nextCursor === null) return;
  const filters = [
    ...(options.state === undefined ? [] : ["--state", options.state]),
    ...(options.stage === undefined ? [] : ["--stage", options.stage]),
  ];
  cli.note(`more: ${cli.hint(options, "items", name, ...filters, "--after", page.nextCursor)}`);
}

function itemTable(rows: readonly ItemSnapshot[], columns: number | null, nowMs: number): readonly string[] {
  return formatTable(
    rows,
    [
      { title: "STATE", cell: (item) => (item.isHeld ? `${item.state}, held` : item.state) },
      { title: "TRIES", cell: (item) => formatCount(item.attempts), align: "right" },
      { title: "ITEM", cell: (item) => escapeText(item.name), isFlexible: true },
      { title: "DETAIL", cell: (item) => describeItem(item, nowMs) },
    ],
    columns,
  ).map((line) => line.trimEnd());
}

function describeItem(item: ItemSnapshot, nowMs: number): string {
  if (item.state === "processing") {
    const { stage, message, done, total } = item.progress;
    const units = done === null || total === null ? "" : ` ${formatCount(done)} of ${formatCount(total)}`;
    return escapeText([stage === null ? null : stage + units, message].filter((text) => text !== null).join(": "));
  }
  if (item.error !== null) return escapeText(item.error.message);
  if (item.readyAt !== null) return `ready ${formatRelative(item.readyAt.getTime(), nowMs)}`;
  return "";
}
