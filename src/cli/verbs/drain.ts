import type { Command } from "commander";
import { MilepostError } from "../../core/errors.ts";
import type { WorkerSnapshot } from "../../core/worker-snapshot.ts";
import type { Drained } from "../../engine/drain.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { escapeText } from "../../format/escape.ts";
import { formatPlural } from "../../format/number.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { Interrupt } from "../interrupt.ts";
import { declareVerb } from "../verb.ts";

interface DrainVerbOptions extends CommonOptions {
  readonly wait?: boolean;
}

export function drainVerb(cli: Cli): Command {
  return declareVerb({
    name: "drain",
    summary: "let a worker finish what it runs and leave",
    description:
      "Tells a worker of any process or machine to claim nothing more, to finish what it runs, and to end: its process ends with status 0, unless it also serves. It answers when the worker has confirmed, or with --wait when it has left. There is no way back; start another worker instead.",
    examples: [
      ["milepost workers", "who there is"],
      ["milepost drain db1:4711", "a process, by the name that is shown there"],
      ["milepost drain db1:4711 --wait", "until it has left"],
    ],
  })
    .argument("<worker>", "name or id of the worker")
    .option("--wait", "answer when it has left")
    .action(async (worker: string, _options: unknown, command: Command) =>
      drain(cli, worker, command.optsWithGlobals<DrainVerbOptions>()),
    );
}

async function drain(cli: Cli, word: string, options: DrainVerbOptions): Promise<void> {
  await cli.withStore(options, async (milepost) => {
    using interrupt = new Interrupt(cli);
    const workers = await find(milepost, word);
    const waiting = { untilLeft: options.wait === true, signal: interrupt.signal };
    const drained = await Promise.all(workers.map(({ id }) => milepost.drain(id, waiting).catch(asLeft)));
    const title = `worker ${escapeText(word)}`;
    const late = drained.filter(({ isConfirmed }) => !isConfirmed);
    if (late.length > 0 && !interrupt.isRaised)
      throw new MilepostError(
        "CONFLICT",
        `the order stands, but ${title} has not confirmed it; is its event loop blocked?`,
      );
    cli.line(`${title}: ${describe(drained)}`);
  });
}

/** The sessions that are meant: one by its id, or all that one process has. */
async function find(milepost: Milepost, word: string): Promise<readonly WorkerSnapshot[]> {
  const workers = await milepost.workers();
  const byId = workers.filter(({ id }) => id === word);
  if (byId.length > 0) return byId;
  const named = workers.filter(({ name, concurrency }) => name === word && concurrency > 0);
  const isOneProcess = named.every(({ pid, host }) => pid !== null && pid === named[0]?.pid && host === named[0]?.host);
  if (named.length === 0) {
    throw new MilepostError(
      "NOT_FOUND",
      `there is no worker ${escapeText(word)}; milepost workers lists those there are`,
    );
  }
  if (named.length > 1 && !isOneProcess) {
    const ids = named.map(({ id }) => id).join(", ");
    throw new MilepostError("INVALID_ARGUMENT", `${named.length} workers are called so; name one by its id: ${ids}`);
  }
  return named;
}

/** Who was there a moment ago and is not any more has left. */
function asLeft(error: unknown): Drained {
  if (error instanceof MilepostError && error.code === "NOT_FOUND")
    return { changed: 0, isConfirmed: true, held: 0, hasLeft: true };
  throw error;
}

function describe(drained: readonly Drained[]): string {
  const held = drained.reduce((sum, each) => sum + each.held, 0);
  if (drained.every(({ hasLeft }) => hasLeft)) return "has left";
  return held === 0 ? "draining; it leaves now" : `draining; ${formatPlural(held, "item")} to go`;
}
