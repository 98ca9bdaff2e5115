import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { Command } from "commander";
import type { Milepost } from "../../engine/milepost.ts";
import { escapeText } from "../../format/escape.ts";
import { formatBytes, formatPlural } from "../../format/number.ts";
import { loadSharp } from "../../pipelines/images/load-sharp.ts";
import { withoutPassword } from "../../stores/postgres/location.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { EXIT } from "../exit-status.ts";
import { declareVerb } from "../verb.ts";

interface Diagnosis {
  readonly node: string;
  readonly sqlite: string;
  readonly sharp: string | null;
  readonly store: string;
  readonly storeBytes: number | null;
  readonly walBytes: number | null;
  readonly schema: number | null;
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

/** The log is cut back to this size once all of it is in the store's file. */
const WAL_USUAL_BYTES = 64 * 1_048_576;

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
  const store = cli.storeLocation(options);
  const problems: string[] = [];
  let facts: Pick<Diagnosis, "batches" | "workers"> = { batches: null, workers: [] };
  if (existsSync(store)) {
    try {
      facts = await cli.withStore(options, storeFacts);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  const walBytes = await sizeOf(`${store}-wal`);
  return {
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? "none",
    sharp: await sharpVersion(),
    store: withoutPassword(store),
    storeBytes: await sizeOf(store),
    walBytes,
    schema: problems.length > 0 ? null : await schemaOf(store),
    ...facts,
    problems,
    warnings: (walBytes ?? 0) > WAL_USUAL_BYTES ? [describeLog(walBytes ?? 0)] : [],
  };
}

function describeLog(bytes: number): string {
  const expected = `expected at most ${formatBytes(WAL_USUAL_BYTES)}`;
  return `the log holds ${formatBytes(bytes)}, ${expected}: a reader that stays open keeps it from going into the store's file; end it, or wait for the next commits if there is none`;
}

async function storeFacts(milepost: Milepost): Promise<Pick<Diagnosis, "batches" | "workers">> {
  const [queues, sessions] = await Promise.all([milepost.queues(), milepost.workers()]);
  return {
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

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

async function schemaOf(path: string): Promise<number | null> {
  if (!existsSync(path)) return null;
  const { DatabaseSync } = await import("node:sqlite");
  using db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  const row = db.prepare("SELECT max(number) AS schema FROM migrations").get();
  return typeof row?.schema === "number" ? row.schema : null;
}

function describe(diagnosis: Diagnosis): readonly string[] {
  const { storeBytes, walBytes, workers } = diagnosis;
  const rows: (readonly [string, string])[] = [
    ["node", diagnosis.node],
    ["sqlite", diagnosis.sqlite],
    ["sharp", diagnosis.sharp ?? "not installed; images need it: npm install sharp"],
    ["store", escapeText(diagnosis.store)],
  ];
  if (storeBytes === null) rows.push(["", "none yet; the first run makes it"]);
  else rows.push(["size", `${formatBytes(storeBytes)}, log ${formatBytes(walBytes ?? 0)}`]);
  if (diagnosis.schema !== null) rows.push(["schema", String(diagnosis.schema)]);
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
  return rows.map(([label, text]) => `${label.padEnd(8)} ${text}`.trimEnd());
}
