import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent, formatPlural } from "../../format/number.ts";
import { openStore } from "../../open-milepost.ts";
import { isRunning, systemHost } from "../../platform/system-host.ts";
import { systemRandom } from "../../platform/system-random.ts";
import type { Store } from "../../ports/store.ts";
import { type Copied, copyStore } from "../../stores/copy-store.ts";
import { openRestore } from "../../stores/open-restore.ts";
import { withoutPassword } from "../../stores/postgres/location.ts";
import { type Cli, type CommonOptions, isPath } from "../cli.ts";
import { Interrupt } from "../interrupt.ts";
import { declareVerb } from "../verb.ts";

/** Between two lines of progress: on a terminal, where one takes the other's place, and elsewhere. */
const TERMINAL_EVERY_MS = 200;
const LINES_EVERY_MS = 5_000;

export function copyVerb(cli: Cli): Command {
  return declareVerb({
    name: "copy",
    summary: "copy a whole store to a new place",
    description:
      "Copies everything that a store keeps to a place where none is: queues, batches, items with their data, attempts and errors, histories, and what feeds need to go on. Nobody may work on it meanwhile; end servers too, so that nothing is submitted. Both are read again and compared before the copy gets its name: one that is cut short, by Ctrl-C or a crash, is never taken for a store. Files of a server are not part of it.",
    examples: [
      ["milepost copy .milepost/milepost.db /backup/milepost.db", "to another disk"],
      ["milepost copy old.db new.db", "and give back the room of what was deleted"],
    ],
  })
    .argument("<from>", "the store")
    .argument("<to>", "where nothing is yet")
    .option("--json", "print one JSON document")
    .action(async (from: string, to: string, _options: unknown, command: Command) =>
      copy(cli, { from, to }, command.optsWithGlobals<CommonOptions>()),
    );
}

async function copy(cli: Cli, places: { readonly from: string; readonly to: string }, options: CommonOptions) {
  const [source, target] = [locate(cli, places.from), locate(cli, places.to)];
  if (source === "memory:") throw new MilepostError("INVALID_ARGUMENT", "what is in memory ends with its process");
  if (isPath(source) && !existsSync(source))
    throw new MilepostError("STORE_UNAVAILABLE", `there is no store at ${escapeText(source)}`);
  using interrupt = new Interrupt(cli);
  const { clock } = cli.io;
  const from = await openStore(source, { clock, random: systemRandom, mustExist: true });
  try {
    const to = await openRestore(target, { clock, host: systemHost, isRunning });
    const progress = new CopyProgress(cli, await countItems(from));
    const onProgress = (step: "copy" | "check", items: number): void => progress.show(step, items);
    const { isDead } = systemHost;
    const copied = await copyStore({ from, to, clock, isDead, onProgress, signal: interrupt.signal })
      .catch((error: unknown) => {
        if (!interrupt.isRaised) throw error;
        return null;
      })
      .finally(() => progress.end());
    report(cli, {
      copied,
      from: withoutPassword(source),
      to: withoutPassword(target),
      isJson: options.json === true,
    });
  } finally {
    await from.close();
  }
}

function locate(cli: Cli, place: string): string {
  return isPath(place) ? resolve(cli.io.cwd, place) : place;
}

function report(
  cli: Cli,
  end: { readonly copied: Copied | null; readonly from: string; readonly to: string; readonly isJson: boolean },
): void {
  const { copied, from, to, isJson } = end;
  if (copied === null) {
    cli.note("stopped; nothing is left of the copy");
    return;
  }
  if (isJson) cli.json({ from, to, ...copied });
  else {
    const items = formatPlural(copied.items, "item");
    cli.line(
      `${escapeText(to)}: ${items} in ${formatPlural(copied.batches, "batch", "batches")}, compared and verified`,
    );
  }
}

async function countItems(store: Store): Promise<number> {
  let items = 0;
  let before: number | undefined;
  for (;;) {
    const rows = await store.batches({ limit: LIMITS.pageItems, ...(before !== undefined && { before }) });
    for (const row of rows) items += row.counts.total;
    before = rows.at(-1)?.number;
    if (rows.length < LIMITS.pageItems) return items;
  }
}

class CopyProgress {
  readonly #cli: Cli;
  readonly #total: number;
  #shownAt: number;
  #isOpen = false;

  constructor(cli: Cli, total: number) {
    this.#cli = cli;
    this.#total = total;
    this.#shownAt = cli.io.clock.monotonic();
  }

  show(step: "copy" | "check", items: number): void {
    const { stderr, clock } = this.#cli.io;
    const isTerminal = stderr.isTTY === true;
    const now = clock.monotonic();
    if (now - this.#shownAt < (isTerminal ? TERMINAL_EVERY_MS : LINES_EVERY_MS)) return;
    this.#shownAt = now;
    const percent = this.#total === 0 ? 100 : Math.min(100, Math.floor((100 * items) / this.#total));
    const done = `${formatCount(items)} of ${formatPlural(this.#total, "item")}`;
    const text = `${step === "copy" ? "copied" : "compared"} ${done}, ${formatPercent(percent)}`;
    if (isTerminal) stderr.write(`\r\u001b[K${text}`);
    else this.#cli.note(text);
    this.#isOpen = isTerminal;
  }

  end(): void {
    if (this.#isOpen) this.#cli.io.stderr.write("\r\u001b[K");
  }
}
