import type { Command } from "commander";
import type { BatchSnapshot } from "../../core/batch.ts";
import { MilepostError } from "../../core/errors.ts";
import type { Batch } from "../../engine/batch.ts";
import type { Milepost } from "../../engine/milepost.ts";
import { formatDuration, formatRelative } from "../../format/duration.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount } from "../../format/number.ts";
import { batchToJson } from "../batch-json.ts";
import type { Cli, CommonOptions } from "../cli.ts";
import { describeCounts, describeFailure, describeProgress, describeStatus, titleOf } from "../screen/describe.ts";
import { declareVerb } from "../verb.ts";

const FAILURES_MAX = 5;

export function statusVerb(cli: Cli): Command {
  return declareVerb({
    name: "status",
    summary: "show how far a batch is",
    description:
      "Shows one batch: its status, exact counts, time left, stages and failures. Without a name: the newest batch.",
    examples: [
      ["milepost status", "the newest batch"],
      ["milepost status holiday", "a batch by its name or id"],
      ["milepost status holiday --json", "for programs"],
    ],
  })
    .argument("[batch]", "name or id of the batch")
    .option("--json", "print one JSON document")
    .action(async (name: string | undefined, _options: unknown, command: Command) =>
      status(cli, name, command.optsWithGlobals<CommonOptions>()),
    );
}

async function status(cli: Cli, name: string | undefined, options: CommonOptions): Promise<void> {
  await cli.withStore(options, async (milepost) => {
    const batch = name === undefined ? await newestBatch(milepost) : milepost.batch(name);
    const snapshot = await batch.snapshot();
    if (options.json === true) cli.json(batchToJson(snapshot));
    else cli.lines(await statusLines(cli, batch, snapshot));
  });
}

async function newestBatch(milepost: Milepost): Promise<Batch> {
  const { batches } = await milepost.batches({ limit: 1 });
  const newest = batches[0];
  if (newest === undefined) throw new MilepostError("NOT_FOUND", "the store has no batches yet");
  return milepost.batch(newest.id);
}

async function statusLines(cli: Cli, batch: Batch, snapshot: BatchSnapshot): Promise<readonly string[]> {
  const nowMs = cli.io.clock.now();
  const stages = snapshot.counts.processing > 0 ? await batch.stages() : [];
  const failures = snapshot.counts.failed > 0 ? await batch.failures() : [];
  const rows: (readonly [string, string])[] = [
    ["status", describeStatus(snapshot)],
    ["progress", describeProgress(snapshot, null, nowMs)],
    ["items", `${formatCount(snapshot.counts.total)}: ${describeCounts(snapshot.counts)}`],
    ["id", snapshot.id],
    ["queue", escapeText(snapshot.queue)],
    ["pipeline", escapeText(snapshot.pipeline)],
    ["created", formatRelative(snapshot.createdAt.getTime(), nowMs)],
  ];
  if (snapshot.startedAt !== null) rows.push(["started", formatRelative(snapshot.startedAt.getTime(), nowMs)]);
  if (snapshot.endedAt !== null) rows.push(["ended", describeEnd(snapshot, nowMs)]);
  if (stages.length > 0) {
    rows.push(["stages", stages.map(({ stage, items }) => `${escapeText(stage)} ${formatCount(items)}`).join(", ")]);
  }
  const shown = failures
    .slice(0, FAILURES_MAX)
    .map((group, index): [string, string] => [index === 0 ? "failures" : "", describeFailure(group)]);
  return [escapeText(titleOf(snapshot)), ...[...rows, ...shown].map(([label, text]) => `  ${label.padEnd(9)} ${text}`)];
}

function describeEnd(snapshot: BatchSnapshot, nowMs: number): string {
  const endedMs = snapshot.endedAt?.getTime() ?? nowMs;
  const ago = formatRelative(endedMs, nowMs);
  if (snapshot.startedAt === null) return ago;
  return `${ago}, after ${formatDuration((endedMs - snapshot.startedAt.getTime()) / 1_000)}`;
}
