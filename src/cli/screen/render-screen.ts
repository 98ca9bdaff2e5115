import { basename } from "node:path";
import type { BatchSnapshot } from "../../core/batch.ts";
import type { ItemSnapshot } from "../../core/item.ts";
import type { FailureGroup } from "../../engine/batch.ts";
import { formatBar } from "../../format/bar.ts";
import { escapeText } from "../../format/escape.ts";
import { formatCount, formatPercent, formatRate } from "../../format/number.ts";
import { pad, truncateMiddle } from "../../format/width.ts";
import {
  describeCounts,
  describeDone,
  describeFailure,
  describeStatus,
  describeTimeLeft,
  titleOf,
} from "./describe.ts";
import { type Line, type Span, span } from "./line.ts";

/** Everything a screen shows, gathered before: rendering reads nothing. */
export interface ScreenFacts {
  readonly batch: BatchSnapshot;
  readonly running: readonly ItemSnapshot[];
  readonly failures: readonly FailureGroup[];
  readonly perSecond: number | null;
  readonly notice: string | null;
  readonly nowMs: number;
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
  readonly isAscii: boolean;
}

const HEAD_LINES = 3;
const FAILURES_MAX = 3;

/**
 * The live screen of a batch as lines, at most `rows` of them: a title, the overall bar, the counts, then as many running
 * items and failures as fit, and a notice in the last line.
 */
export function renderScreen(facts: ScreenFacts, size: ScreenSize): readonly Line[] {
  const head = renderHead(facts, size);
  const tail: readonly Line[] = facts.notice === null ? [] : [[span(facts.notice, "dim")]];
  let room = size.rows - HEAD_LINES - tail.length;
  if (room < 0) return [...head, ...tail].slice(0, Math.max(0, size.rows));
  const failures = facts.failures.slice(0, Math.min(FAILURES_MAX, Math.floor(room / 2))).map(renderFailure);
  room -= failures.length;
  return [...head, ...renderRunning(facts.running, facts.batch.counts.processing, room, size), ...failures, ...tail];
}

function renderHead({ batch, perSecond, nowMs }: ScreenFacts, size: ScreenSize): readonly Line[] {
  const fraction = batch.endedAt !== null ? 1 : (batch.percent ?? 0) / 100;
  const isMoving = batch.endedAt === null && batch.status !== "paused";
  const facts: Span[] = [span(`  ${formatPercent(batch.percent)}`, "bold"), span(`  ${describeDone(batch)}`)];
  if (perSecond !== null && isMoving) facts.push(span(`  ${formatRate(perSecond)}`));
  const left = describeTimeLeft(batch, nowMs);
  if (left !== "" && left !== "paused") facts.push(span(`  ${left}`));
  const barColumns = Math.max(5, Math.min(40, Math.floor(size.columns / 3)));
  return [
    [span(escapeText(titleOf(batch)), "bold"), span(`  ${describeStatus(batch)}`, styleOf(batch))],
    [span(formatBar(fraction, barColumns, size.isAscii), styleOf(batch)), ...facts],
    [span(describeCounts(batch.counts), batch.counts.failed > 0 ? "red" : "dim")],
  ];
}

function styleOf(batch: BatchSnapshot): "green" | "yellow" | "red" {
  if (batch.status === "failed" || batch.status === "cancelled") return "red";
  return batch.status === "paused" || batch.outcome === "partial" ? "yellow" : "green";
}

function renderRunning(
  running: readonly ItemSnapshot[],
  processing: number,
  room: number,
  size: ScreenSize,
): readonly Line[] {
  const isAllShown = running.length >= processing && running.length <= room;
  const shown = running.slice(0, isAllShown ? room : Math.max(0, room - 1));
  const nameColumns = Math.max(8, Math.min(36, Math.floor(size.columns / 3)));
  const lines: Line[] = shown.map((item) => renderItem(item, nameColumns, size));
  const more = processing - shown.length;
  if (more > 0 && lines.length < room) lines.push([span(`  and ${formatCount(more)} more running`, "dim")]);
  return lines;
}

function renderItem(item: ItemSnapshot, nameColumns: number, size: ScreenSize): Line {
  const { stage, done, total, unit, message } = item.progress;
  const units =
    done !== null && total !== null ? `${formatCount(done)} of ${formatCount(total)} ${unit ?? ""}`.trimEnd() : "";
  const text = message ?? units;
  return [
    span("  "),
    span(pad(truncateMiddle(escapeText(basename(item.name)), nameColumns), nameColumns)),
    span("  "),
    span(formatBar(item.fraction, Math.max(4, Math.min(12, Math.floor(size.columns / 8))), size.isAscii), "cyan"),
    span(`  ${pad(escapeText(stage ?? "running"), 9)}`),
    span(text === "" ? "" : `  ${escapeText(text)}`, "dim"),
  ];
}

function renderFailure(group: FailureGroup): Line {
  return [span("  failed ", "red"), span(describeFailure(group))];
}
