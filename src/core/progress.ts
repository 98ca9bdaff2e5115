import { MilepostError } from "./errors.ts";
import { toStorableText } from "./json.ts";
import { LIMITS } from "./limits.ts";

/** A named step inside an item. Its weight is its share of the item's work, in any unit: weights are compared, not summed to 1. */
export interface Stage {
  readonly name: string;
  readonly weight: number;
}

/** Where an item stands while it runs. `done` of `total` count the stage's `unit`s: page 13 of 20. */
export interface ItemProgress {
  readonly stage: string | null;
  readonly done: number | null;
  readonly total: number | null;
  readonly unit: string | null;
  readonly message: string | null;
}

export const NO_PROGRESS: ItemProgress = { stage: null, done: null, total: null, unit: null, message: null };

/**
 * Checks a progress report and fills in what it leaves out; texts are cut to `LIMITS.progressTextBytes`.
 * @throws {MilepostError} `INVALID_ARGUMENT` for an empty stage, counts that are negative or no numbers, `done` past `total`
 */
export function toItemProgress(given: Partial<ItemProgress>): ItemProgress {
  const { stage = null, done = null, total = null, unit = null, message = null } = given;
  if (stage !== null && (typeof stage !== "string" || stage === "")) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `a stage's name must be a text that is not empty; found ${String(stage)}`,
    );
  }
  requireCount("done", done);
  requireCount("total", total);
  if (done !== null && total !== null && done > total) {
    throw new MilepostError("INVALID_ARGUMENT", `progress must not pass its total; found ${done} of ${total}`);
  }
  return { stage: toText(stage), done, total, unit: toText(unit), message: toText(message) };
}

function requireCount(name: string, value: number | null): void {
  if (value === null || (typeof value === "number" && Number.isFinite(value) && value >= 0)) return;
  throw new MilepostError("INVALID_ARGUMENT", `${name} must be a number that is not negative; found ${String(value)}`);
}

function toText(text: string | null): string | null {
  return text === null ? null : toStorableText(String(text), LIMITS.progressTextBytes);
}

/** Fractions are kept in millionths, as whole numbers, so that sums over a batch are exact. */
export const FRACTION_ONE = 1_000_000;

/** @throws {MilepostError} `INVALID_ARGUMENT` for empty or repeated names, weights that are not positive, too many stages. */
export function toStages(stages: readonly (string | Stage)[]): readonly Stage[] {
  if (stages.length > LIMITS.stagesPerPipeline) {
    throw new MilepostError(
      "INVALID_ARGUMENT",
      `a pipeline has at most ${LIMITS.stagesPerPipeline} stages; found ${stages.length}`,
    );
  }
  const names = new Set<string>();
  return stages.map((given) => {
    const stage = typeof given === "string" ? { name: given, weight: 1 } : { name: given.name, weight: given.weight };
    if (typeof stage.name !== "string" || stage.name === "" || names.has(stage.name)) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `stage names must be unique and not empty; found ${JSON.stringify(stage.name)}`,
      );
    }
    if (!(Number.isFinite(stage.weight) && stage.weight > 0)) {
      throw new MilepostError(
        "INVALID_ARGUMENT",
        `the weight of stage ${stage.name} must be a positive number; found ${String(stage.weight)}`,
      );
    }
    names.add(stage.name);
    return stage;
  });
}

/** How far an attempt is after a report of its progress. */
export function fractionAfter(
  report: { readonly fraction: number; readonly mayGoBack?: boolean },
  before: { readonly fraction: number },
): number {
  return report.mayGoBack === true ? report.fraction : Math.max(report.fraction, before.fraction);
}

/**
 * How far an item is, in millionths: the weights of the stages before the current one, plus the current one's share
 * `done / total`. A stage that was not declared counts nothing of its own; without declared stages the units are all there is.
 */
export function fractionOf(stages: readonly Stage[], progress: ItemProgress): number {
  const { done, total, stage } = progress;
  const share = done !== null && total !== null && total > 0 ? done / total : 0;
  // What is no number is nothing done.
  const within = share > 0 ? Math.min(1, share) : 0;
  if (stages.length === 0) return Math.floor(within * FRACTION_ONE);
  let before: number | null = null;
  let current = 0;
  let all = 0;
  for (const { name, weight } of stages) {
    if (name === stage) {
      before = all;
      current = weight;
    }
    all += weight;
  }
  if (before === null) return 0;
  return Math.min(FRACTION_ONE, Math.floor(((before + current * within) / all) * FRACTION_ONE));
}

/**
 * The percent a batch shows: floor(100 × (processed + fractions in flight) / total), at most 99 until it is terminal,
 * never under `floor`. Null while it cannot be known: nothing to do yet, or items still being added.
 */
export function percentOf(batch: {
  readonly processed: number;
  readonly flight: number;
  readonly total: number;
  readonly isTerminal: boolean;
  readonly isSealed: boolean;
  readonly floor: number;
}): number | null {
  if (batch.isTerminal) return 100;
  if (!batch.isSealed || batch.total === 0) return null;
  return Math.max(batch.floor, rawPercent(batch.processed, batch.flight, batch.total));
}

/** The percent without its floor, 0 to 99. */
export function rawPercent(processed: number, flight: number, total: number): number {
  if (total === 0) return 0;
  return Math.max(0, Math.min(99, Math.floor((100 * (processed * FRACTION_ONE + flight)) / (total * FRACTION_ONE))));
}
