import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import { escapeText } from "../../format/escape.ts";
import { withoutPassword } from "../../stores/postgres/location.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { EXIT } from "../exit-status.ts";
import { wholeNumber } from "../values.ts";
import { declareVerb } from "../verb.ts";

interface MigrateOptions extends CommonOptions {
  readonly check?: boolean;
  readonly partitions?: number;
}

export function migrateVerb(cli: Cli): Command {
  return declareVerb({
    name: "migrate",
    summary: "bring the store's schema up to date",
    description:
      "Brings the schema of the store up to date and says what it did. Every verb that opens a store does it too; this one is for a step of its own in a deployment. With --check it changes nothing and ends with 1 if something is missing. A store that is newer than this program is refused.",
    examples: [
      ["milepost migrate", "before the new version starts"],
      ["milepost migrate --partitions 16 --store postgres://db/work", "makes the schema, its items in 16 parts"],
      ["milepost migrate --check", "status 0: up to date; 1: not"],
    ],
  })
    .option("--check", "only look")
    .option(
      "--partitions <n>",
      "make the table of items in n parts (PostgreSQL, when the schema is made)",
      wholeNumber(0, LIMITS.partitions),
    )
    .option("--json", "print one JSON document")
    .action(async (_options: unknown, command: Command) => migrate(cli, command.optsWithGlobals<MigrateOptions>()));
}

async function migrate(cli: Cli, options: MigrateOptions): Promise<void> {
  const location = cli.storeLocation(options);
  const store = withoutPassword(location);
  if (!cli.hasStore(options)) {
    throw new MilepostError(
      "STORE_UNAVAILABLE",
      `there is no store at ${store}; the first run makes one that is up to date`,
    );
  }
  const { migrateStore, readSchema } = await import("../../stores/store-schema.ts");
  const isCheck = options.check === true;
  const { partitions } = options;
  const { applied, missing } = isCheck
    ? await readSchema(location)
    : await migrateStore(location, { clock: cli.io.clock, ...(partitions !== undefined && { partitions }) });
  if (isCheck && missing.length > 0) cli.status = EXIT.WORK_FAILED;
  if (options.json === true) {
    cli.json({
      store,
      before: applied,
      after: applied + (isCheck ? 0 : missing.length),
      [isCheck ? "missing" : "done"]: missing,
    });
    return;
  }
  for (const { number, name } of missing) cli.line(`${isCheck ? "missing" : "done"}: ${number} ${name}`);
  const after = applied + missing.length;
  const state = isCheck && missing.length > 0 ? `has schema ${applied} of ${after}` : `is up to date, schema ${after}`;
  cli.line(`${escapeText(store)} ${state}`);
}
