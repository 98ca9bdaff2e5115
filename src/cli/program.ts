import { Command, InvalidArgumentError, type Option } from "commander";
import { escapeText } from "../format/escape.ts";
import type { Cli } from "./cli.ts";
import { columnsOf } from "./io.ts";
import { cancelVerb } from "./verbs/cancel.ts";
import { copyVerb } from "./verbs/copy.ts";
import { doctorVerb } from "./verbs/doctor.ts";
import { documentsVerb } from "./verbs/documents.ts";
import { drainVerb } from "./verbs/drain.ts";
import { failuresVerb } from "./verbs/failures.ts";
import { helpVerb } from "./verbs/help.ts";
import { holdVerb } from "./verbs/hold.ts";
import { itemsVerb } from "./verbs/items.ts";
import { karaokeVerb } from "./verbs/karaoke.ts";
import { listVerb } from "./verbs/list.ts";
import { migrateVerb } from "./verbs/migrate.ts";
import { pauseVerb } from "./verbs/pause.ts";
import { priorityVerb } from "./verbs/priority.ts";
import { pruneVerb } from "./verbs/prune.ts";
import { removeVerb } from "./verbs/remove.ts";
import { repairVerb } from "./verbs/repair.ts";
import { resumeVerb } from "./verbs/resume.ts";
import { retryVerb } from "./verbs/retry.ts";
import { runVerb } from "./verbs/run.ts";
import { serveVerb } from "./verbs/serve.ts";
import { statusVerb } from "./verbs/status.ts";
import { stopVerb } from "./verbs/stop.ts";
import { traceVerb } from "./verbs/trace.ts";
import { unholdVerb } from "./verbs/unhold.ts";
import { verifyVerb } from "./verbs/verify.ts";
import { waitVerb } from "./verbs/wait.ts";
import { watchVerb } from "./verbs/watch.ts";
import { workVerb } from "./verbs/work.ts";
import { workersVerb } from "./verbs/workers.ts";

const GROUPS = [
  { title: "Run:", verbs: [runVerb, workVerb, serveVerb] },
  {
    title: "Look:",
    verbs: [
      listVerb,
      statusVerb,
      itemsVerb,
      failuresVerb,
      watchVerb,
      waitVerb,
      workersVerb,
      documentsVerb,
      karaokeVerb,
    ],
  },
  {
    title: "Control:",
    verbs: [pauseVerb, resumeVerb, stopVerb, cancelVerb, retryVerb, holdVerb, unholdVerb, priorityVerb, drainVerb],
  },
  {
    title: "Keep the store in order:",
    verbs: [removeVerb, pruneVerb, verifyVerb, repairVerb, copyVerb, migrateVerb, doctorVerb, traceVerb],
  },
] as const;

const AFTERWORD = `
\`milepost <verb> --help\` has the options and examples of each verb.

Exit status:
  0 all is done, 1 some of it failed, 2 wrong use, 3 not found, 4 trouble with the store,
  128 + n ended by signal n

Environment:
  MILEPOST_STORE                      the store, where --store names none
  MILEPOST_TOKEN                      serve: the operator's token
  MILEPOST_WEBHOOK_SECRET             serve: what webhooks are signed with
  MILEPOST_PRESETS                    karaoke: a file with presets
  MILEPOST_DEBUG                      any value: tell more, and where errors come from
  NO_COLOR                            any value: no colours
`;

/** The whole grammar of the command line, with its help. Parsing runs the verb; wrong use throws a CommanderError. */
export function buildProgram(cli: Cli, version: string): Command {
  const program = new Command("milepost")
    .description(
      "Durable, live progress for batch work: every item run or tracked, exact counts, nothing lost in a crash.",
    )
    .version(version, "-V, --version", "print the version")
    .option("--store <path>", "the store (default: MILEPOST_STORE, else .milepost/milepost.db here)")
    .helpCommand(false)
    .addHelpText("after", AFTERWORD);
  for (const { title, verbs } of GROUPS) {
    for (const verb of verbs) program.addCommand(verb(cli).helpGroup(title));
  }
  program.addCommand(helpVerb(program).helpGroup("Help:"));
  configure(program, cli);
  return program;
}

function configure(command: Command, cli: Cli): void {
  const { stdout, stderr } = cli.io;
  command
    .exitOverride()
    .allowExcessArguments(false)
    .showSuggestionAfterError(true)
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (child) => `${child.name()} ${child.usage().replace("[options]", "").trim()}`.trim(),
    })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => Math.min(100, stdout.isTTY === true ? columnsOf(stdout) : 100),
      getErrHelpWidth: () => Math.min(100, stderr.isTTY === true ? columnsOf(stderr) : 100),
      outputError: (text, write) => write(oneLine(text)),
    });
  for (const option of command.options) refuseEmpty(option);
  for (const child of command.commands) configure(child, cli);
}

/**
 * An empty text is what a script's variable leaves that was never set, and would be taken for the current folder or for a queue
 * that cannot be. Options with a reader of their own refuse it themselves.
 */
function refuseEmpty(option: Option): void {
  if (!option.required || option.parseArg !== undefined) return;
  option.argParser<unknown>((text, before) => {
    if (text === "") throw new InvalidArgumentError("It must not be empty.");
    return option.variadic ? [...(Array.isArray(before) ? before : []), text] : text;
  });
}

/** `error: unknown option '--x'\n(Did you mean --y?)` as one line in our form. */
function oneLine(text: string): string {
  const message = text
    .replace(/^error: /, "")
    .trim()
    .replace(/\n\(/g, " (");
  return `milepost: ${escapeText(message)}\n`;
}
