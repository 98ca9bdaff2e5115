import { MilepostError } from "../core/errors.ts";
import { type ItemCommand, ItemState, isTerminal, toState } from "../core/transitions.ts";

/** States of an image: those of the engine's items. */
export const ProcessingState = ItemState;
export type ProcessingState = ItemState;

/**
 * The status of one image as of its last change. Read-only: a later change makes a new object, this one stays as it is,
 * but for `processingTime`, which is read from the clock while `state` is `processing`.
 */
export interface ProcessingStatus {
  readonly id: string;
  readonly state: ProcessingState;
  /** When processing began; null until then, and again after a retry or a release. */
  readonly startTime: Date | null;
  /** When a terminal state was entered. */
  readonly endTime: Date | null;
  readonly errorMessage: string | null;
  readonly outputPath: string | null;
  /** Seconds from start to end, or until now while it runs; null until started. */
  readonly processingTime: number | null;
  isTerminalState(): boolean;
}

/** The whole batch at one moment. The five states are disjoint and sum to `total`. */
export interface StatusSummary {
  readonly total: number;
  readonly pending: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** When the first image was added. */
  readonly startTime: Date | null;
  /** When the last image became terminal; null while any is not. */
  readonly endTime: Date | null;
  /** True when there are images and all are terminal. */
  readonly isComplete: boolean;
  /** completed / total in percent; 0 when there is nothing. */
  readonly successRate: number;
  /** Seconds from the start of the batch to its end, or until now; 0 before the first image. */
  readonly elapsedTime: number;
}

/** What may be said with a change of state. A text that is not given leaves the one that is there. */
export interface StatusDetails {
  readonly outputPath?: string;
  readonly errorMessage?: string;
}

/**
 * Tracks the processing of a set of images in memory: no store, no waiting, no timers; usable in a browser.
 *
 * States and their changes are those of the engine's items, one step at a time: an image is started before it ends.
 * `pending` may be set again on a running image (given back) and on a failed or cancelled one (explicit retry); both clear
 * its times, error and output. Every look-up and the summary cost O(1), whatever the number of images;
 * `getImagesByState` costs what it returns.
 *
 * @example
 * const tracker = new StatusTracker();
 * tracker.addImage("cat.jpg");
 * tracker.updateStatus("cat.jpg", ProcessingState.PROCESSING);
 * tracker.updateStatus("cat.jpg", ProcessingState.COMPLETED, { outputPath: "out/cat.webp" });
 * tracker.getSummary().successRate; // 100
 */
export class StatusTracker {
  readonly #now: () => number;
  readonly #statuses = new StatusMap();
  readonly #byState: Readonly<Record<ProcessingState, Map<string, ProcessingStatus>>> = {
    pending: new Map(),
    processing: new Map(),
    completed: new Map(),
    failed: new Map(),
    cancelled: new Map(),
  };
  #startMs: number | null = null;
  #endMs: number | null = null;

  constructor(options: { readonly now?: () => Date } = {}) {
    const { now } = options;
    this.#now = now === undefined ? Date.now : () => now().getTime();
  }

  /**
   * Adds an image, pending. The first one starts the batch; any one reopens a batch that had ended.
   *
   * @throws {MilepostError} `INVALID_ARGUMENT`: the id is not a text, is empty, or was added before.
   */
  addImage(id: string): void {
    if (typeof id !== "string" || id === "") {
      throw invalid(`an image's id must be a text that is not empty; found ${shown(id)}`, { id });
    }
    if (this.#statuses.has(id)) throw invalid(`image ${shown(id)} was added before; ids must be unique`, { id });
    this.#startMs ??= this.#now();
    this.#put(new Status({ id, state: "pending", now: this.#now }));
  }

  /**
   * Moves an image to `state`. A refused change changes nothing.
   *
   * @throws {MilepostError} `NOT_FOUND` for an unknown id; `INVALID_ARGUMENT` for an unknown state, a change that is not
   *   allowed or a detail that is not a text. The message names the value, the image and what is allowed.
   */
  updateStatus(id: string, state: ProcessingState, details: StatusDetails = {}): void {
    const before = this.getStatus(id) as Status;
    if (!isState(state)) {
      throw invalid(`unknown state ${shown(state)} for image ${shown(id)}; allowed: ${STATES.join(", ")}`, {
        id,
        state,
      });
    }
    const allowed = allowedFrom(before.state);
    if (!allowed.includes(state)) {
      throw invalid(
        `image ${shown(id)} cannot go from ${before.state} to ${state}; allowed: ${allowed.join(", ") || "nothing"}`,
        { id, from: before.state, to: state, allowed },
      );
    }
    if (typeof details !== "object" || details === null) {
      throw invalid(`the details of image ${shown(id)} must be an object; found ${shown(details)}`, { id });
    }
    for (const name of ["outputPath", "errorMessage"] as const) {
      const text: unknown = details[name];
      if (text !== undefined && typeof text !== "string") {
        throw invalid(`${name} of image ${shown(id)} must be a text; found ${shown(text)}`, { id, [name]: text });
      }
    }
    this.#put(before.after(state, details));
  }

  /** @throws {MilepostError} `NOT_FOUND` for an unknown id. */
  getStatus(id: string): ProcessingStatus {
    const status = this.#statuses.get(id);
    if (status === undefined) {
      throw new MilepostError("NOT_FOUND", `no image ${shown(id)} here; add it first`, { details: { id } });
    }
    return status;
  }

  /** All statuses by id, in the order the images were added: a live view that cannot be written to. */
  getAllStatuses(): ReadonlyMap<string, ProcessingStatus> {
    return this.#statuses;
  }

  /**
   * The images that are in `state` now, in the order they entered it: a list of the caller's own.
   *
   * @throws {MilepostError} `INVALID_ARGUMENT` for an unknown state.
   */
  getImagesByState(state: ProcessingState): ProcessingStatus[] {
    if (!isState(state)) throw invalid(`unknown state ${shown(state)}; allowed: ${STATES.join(", ")}`, { state });
    return [...this.#byState[state].values()];
  }

  getSummary(): StatusSummary {
    const total = this.#statuses.size;
    const counts = {
      pending: this.#byState.pending.size,
      processing: this.#byState.processing.size,
      completed: this.#byState.completed.size,
      failed: this.#byState.failed.size,
      cancelled: this.#byState.cancelled.size,
    };
    return {
      total,
      ...counts,
      startTime: toDate(this.#startMs),
      endTime: toDate(this.#endMs),
      isComplete: this.#isComplete(),
      successRate: total === 0 ? 0 : (100 * counts.completed) / total,
      elapsedTime: this.#startMs === null ? 0 : secondsBetween(this.#startMs, this.#endMs ?? this.#now()),
    };
  }

  #put(status: Status): void {
    const before = this.#statuses.get(status.id);
    if (before !== undefined) this.#byState[before.state].delete(status.id);
    this.#byState[status.state].set(status.id, status);
    writeTo(this.#statuses, status);
    this.#endMs = this.#isComplete() ? (status.endMs ?? this.#now()) : null;
  }

  #isComplete(): boolean {
    const { pending, processing } = this.#byState;
    return this.#statuses.size > 0 && pending.size === 0 && processing.size === 0;
  }
}

const STATES: readonly ProcessingState[] = Object.values(ProcessingState);

/** The commands behind `updateStatus`. An end without a start is two steps at once, which this tracker does not take. */
const COMMANDS: readonly ItemCommand[] = ["start", "complete", "fail", "cancel", "release", "retry"];

function allowedFrom(from: ProcessingState): readonly ProcessingState[] {
  const reached = COMMANDS.map((command) => {
    const isTwoSteps = from === "pending" && (command === "complete" || command === "fail");
    return isTwoSteps ? undefined : toState(command, from);
  });
  return STATES.filter((state) => state !== from && reached.includes(state));
}

function isState(state: unknown): state is ProcessingState {
  return STATES.some((known) => known === state);
}

interface StatusFields {
  readonly id: string;
  readonly state: ProcessingState;
  readonly now: () => number;
  readonly startMs?: number | null;
  readonly endMs?: number | null;
  readonly errorMessage?: string | null;
  readonly outputPath?: string | null;
}

class Status implements ProcessingStatus {
  readonly id: string;
  readonly state: ProcessingState;
  readonly errorMessage: string | null;
  readonly outputPath: string | null;
  readonly #now: () => number;
  readonly #startMs: number | null;
  readonly #endMs: number | null;

  constructor(fields: StatusFields) {
    this.id = fields.id;
    this.state = fields.state;
    this.errorMessage = fields.errorMessage ?? null;
    this.outputPath = fields.outputPath ?? null;
    this.#now = fields.now;
    this.#startMs = fields.startMs ?? null;
    this.#endMs = fields.endMs ?? null;
    Object.freeze(this);
  }

  // Dates can be written to, so each reader gets one of its own.
  get startTime(): Date | null {
    return toDate(this.#startMs);
  }

  get endTime(): Date | null {
    return toDate(this.#endMs);
  }

  get endMs(): number | null {
    return this.#endMs;
  }

  get processingTime(): number | null {
    return this.#startMs === null ? null : secondsBetween(this.#startMs, this.#endMs ?? this.#now());
  }

  isTerminalState(): boolean {
    return isTerminal(this.state);
  }

  after(state: ProcessingState, details: StatusDetails): Status {
    const { id } = this;
    const now = this.#now;
    const isReset = state === "pending";
    return new Status({
      id,
      state,
      now,
      startMs: state === "processing" ? now() : isReset ? null : this.#startMs,
      endMs: isTerminal(state) ? now() : null,
      errorMessage: details.errorMessage ?? (isReset ? null : this.errorMessage),
      outputPath: details.outputPath ?? (isReset ? null : this.outputPath),
    });
  }

  toJSON(): object {
    const { id, state, startTime, endTime, errorMessage, outputPath, processingTime } = this;
    return { id, state, startTime, endTime, errorMessage, outputPath, processingTime };
  }
}

/** A Map whose own methods refuse to write. */
class StatusMap extends Map<string, Status> {
  override set(): never {
    throw invalid("the statuses are read-only; use addImage and updateStatus");
  }

  override delete(): never {
    throw invalid("the statuses are read-only; images are never removed");
  }

  override clear(): never {
    throw invalid("the statuses are read-only; images are never removed");
  }
}

function writeTo(statuses: StatusMap, status: Status): void {
  Map.prototype.set.call(statuses, status.id, status);
}

function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}

/** Never negative, even if the clock was set back. */
function secondsBetween(startMs: number, endMs: number): number {
  return Math.max(0, endMs - startMs) / 1_000;
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  // An object need not have a text.
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function invalid(message: string, details: Record<string, unknown> = {}): MilepostError {
  return new MilepostError("INVALID_ARGUMENT", message, { details });
}
