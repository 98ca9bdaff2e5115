import type { Command } from "commander";
import type { Milepost } from "../../engine/milepost.ts";
import { escapeText } from "../../format/escape.ts";
import { formatPlural } from "../../format/number.ts";
import { loadSharp } from "../../pipelines/images/load-sharp.ts";
import type { Reading } from "../../ports/reading.ts";
import { withoutPassword } from "../../stores/postgres/location.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { EXIT } from "../exit-status.ts";
import { declareVerb } from "../verb.ts";

interface Diagnosis {
  readonly node: string;
  readonly sharp: string | null;
  readonly store: string;
  /** Of the store's own: versions, sizes, settings, each with its verdict. */
  readonly readings: readonly Reading[];
  /** Batches that have not ended; null: there is no store that can be opened. */
  readonly batches: number | null;
  readonly workers: readonly {
    readonly name: string;
    readonly concurrency: number;
    readonly held: number;
    readonly silentMs: number;
  }[];
  readonly problems: readonly string[];
  /** What should be looked after though the store can be used. */
  readonly warnings: readonly string[];
}

export function doctorVerb(cli: Cli): Command {
  return declareVerb({
    name: "doctor",
    summary: "show versions, the store and its workers",
    description:
      "Shows the versions in use, where the store is and how large, and who works on it. Changes nothing. The exit status is 4 if the store cannot be used.",
    examples: [
      ["milepost doctor", "for people"],
      ["milepost doctor --json", "for a report of a bug"],
    ],
  })
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const diagnosis = await diagnose(cli, options);
      if (diagnosis.problems.length > 0) cli.status = EXIT.STORE;
      if (options.json === true) cli.json(diagnosis);
      else cli.lines(describe(diagnosis));
    });
}

async function diagnose(cli: Cli, options: CommonOptions): Promise<Diagnosis> {
  const problems: string[] = [];
  let facts: Pick<Diagnosis, "batches" | "workers" | "readings"> = { batches: null, workers: [], readings: [] };
  if (cli.hasStore(options)) {
    try {
      facts = await cli.withStore(options, storeFacts);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  const told = (wanted: Reading["verdict"]): string[] =>
    facts.readings.flatMap(({ name, value, verdict, advice }) =>
      verdict === wanted ? [`${name}: ${value}: ${advice}`] : [],
    );
  return {
    node: process.versions.node,
    sharp: await sharpVersion(),
    store: withoutPassword(cli.storeLocation(options)),
    ...facts,
    problems: [...problems, ...told("problem")],
    warnings: told("warning"),
  };
}

async function storeFacts(milepost: Milepost): Promise<Pick<Diagnosis, "batches" | "workers" | "readings">> {
  const [queues, sessions, readings] = await Promise.all([milepost.queues(), milepost.workers(), milepost.diagnose()]);
  return {
    readings,
    batches: queues.reduce((sum, queue) => sum + queue.batches, 0),
    workers: sessions.map(({ name, concurrency, held, silentMs }) => ({ name, concurrency, held, silentMs })),
  };
}

async function sharpVersion(): Promise<string | null> {
  try {
    const { versions } = await loadSharp();
    return `${versions.sharp}, libvips ${versions.vips}`;
  } catch {
    return null;
  }
}

function describe(diagnosis: Diagnosis): readonly string[] {
  const { workers, readings } = diagnosis;
  const rows: (readonly [string, string])[] = [
    ["node", diagnosis.node],
    ["sharp", diagnosis.sharp ?? "not installed; images need it: npm install sharp"],
    ["store", escapeText(diagnosis.store)],
  ];
  if (diagnosis.batches === null && diagnosis.problems.length === 0)
    rows.push(["", "none yet; the first run makes it"]);
  for (const { name, value } of readings) rows.push([name, escapeText(value)]);
  if (diagnosis.batches !== null) rows.push(["open", formatPlural(diagnosis.batches, "batch", "batches")]);
  if (diagnosis.batches !== null && workers.length === 0) rows.push(["workers", "none"]);
  for (const worker of workers) {
    const silent = `heard ${Math.round(worker.silentMs / 100) / 10} s ago`;
    rows.push([
      "worker",
      `${escapeText(worker.name)}, ${worker.concurrency} at once, holds ${formatPlural(worker.held, "item")}, ${silent}`,
    ]);
  }
  for (const warning of diagnosis.warnings) rows.push(["warning", escapeText(warning)]);
  for (const problem of diagnosis.problems) rows.push(["problem", escapeText(problem)]);
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)} ${text}`.trimEnd());
}
