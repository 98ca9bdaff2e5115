/**
 * What a store keeps of a batch for its estimate, and of the batches of one kind of work: plain JSON, under 16 KB however large the
 * batch. Several processes add to it, each what it saw itself.
 */
import { type History, learn, type Noted, noteRange } from "../core/estimator/history.ts";
import { add, emptyTally, type Tally } from "../core/estimator/tally.ts";
import { addStageTimes, NO_STAGE_TIMES, type StageTimes } from "../core/stage-times.ts";
import type { Learned, LearnedTexts } from "../ports/evidence.ts";

/** Of a batch. Times in seconds. */
export interface Saved {
  readonly version: 4;
  readonly tally: Tally;
  readonly stages: StageTimes;
  /** Working time: while any process worked. */
  readonly active: number;
  /** Since 1970: up to when that is counted; null before the first. */
  readonly at: number | null;
  readonly noted: readonly Noted[];
  /** The finish that was shown last, in working time. */
  readonly shown: number | null;
  /** For which items that run now have waited in a pause, by ordinal. */
  readonly halted: Readonly<Record<string, number>>;
  /** The epoch whose end was added to the history last; 0: none yet. */
  readonly foldedEpoch: number;
}

/** What one process saw of a batch since it last told. Seconds. */
export interface Part {
  readonly tally: Tally;
  readonly stages: StageTimes;
  /** When it had items of the batch running, in seconds since 1970; null if it had none. */
  readonly worked: { readonly from: number; readonly to: number } | null;
  readonly halted: Saved["halted"];
}

/** What was found at a look, to be judged by later ones and by the end. */
export interface Forecast {
  /** The finish that was shown, in working time. */
  readonly shown: number;
  readonly range: Noted;
  /** Of the expected time, 0 to 1. */
  readonly sharePassed: number;
}

const HALTED_MAX = 64;
/** How much the times of earlier batches' stages count beside those of the last. */
const STAGES_KEPT = 0.7;
/** More than is known; the time of day needs more for its milliseconds. */
const DIGITS = 9;
const DIGITS_OF_TIME = 13;

export function readSaved(text: string | null): Saved {
  const parsed = text === null ? null : (JSON.parse(text) as Saved);
  return parsed?.version === 4 ? parsed : emptySaved(0);
}

/** What is remembered of one kind of work. */
export interface Work extends History {
  readonly stages: StageTimes;
}

export function readWork(text: string | null): Work | null {
  const parsed = text === null ? null : (JSON.parse(text) as Work);
  return parsed?.version === 4 ? parsed : null;
}

function emptySaved(foldedEpoch: number): Saved {
  const nothing = { active: 0, at: null, noted: [], shown: null, halted: {} };
  return { version: 4, tally: emptyTally(), stages: NO_STAGE_TIMES, ...nothing, foldedEpoch };
}

function textOf(value: Saved | Work): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === "number" ? Number(part.toPrecision(part > 1e9 ? DIGITS_OF_TIME : DIGITS)) : part,
  );
}

/** What stands in the store after a process has told: at the end of the batch, the history of its kind of work learns. */
export function withPart(
  known: Learned,
  part: Part,
  forecast: Forecast | null,
): { readonly saved: Saved; readonly texts: LearnedTexts } {
  const kept = readSaved(known.batch);
  if (known.isEnded && kept.foldedEpoch === known.epoch) return { saved: kept, texts: known };
  const saved = added(kept, part, forecast);
  if (!known.isEnded) return { saved, texts: { batch: textOf(saved), work: known.work } };
  const before = readWork(known.work);
  const history = learn(before, { ...saved, finish: saved.active });
  const stages = addStageTimes(saved.stages, before?.stages ?? NO_STAGE_TIMES, STAGES_KEPT);
  // The batch begins anew, so that nothing is learned twice.
  const emptied = emptySaved(known.epoch);
  return {
    saved: emptied,
    texts: { batch: textOf(emptied), work: history === null ? null : textOf({ ...history, stages }) },
  };
}

/** Working time counts once in which several processes worked: only what is beyond that counted already is added. */
function added(saved: Saved, { tally, stages, worked, halted }: Part, forecast: Forecast | null): Saved {
  add(saved.tally, tally);
  const from = Math.max(worked?.from ?? 0, saved.at ?? 0);
  const waited = Object.entries({ ...saved.halted, ...halted }).filter(([, seconds]) => seconds > 0);
  return {
    ...saved,
    stages: addStageTimes(saved.stages, stages),
    active: saved.active + Math.max(0, (worked?.to ?? 0) - from),
    at: worked === null ? saved.at : Math.max(worked.to, saved.at ?? 0),
    halted: Object.fromEntries(waited.slice(-HALTED_MAX)),
    shown: forecast?.shown ?? saved.shown,
    noted: forecast === null ? saved.noted : noteRange(saved.noted, forecast.sharePassed, forecast.range),
  };
}
