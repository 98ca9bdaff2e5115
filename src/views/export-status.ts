import type { ItemSnapshot } from "../core/item.ts";
import type { Json } from "../core/json.ts";
import type { ItemProgress } from "../core/progress.ts";
import type { QueueState } from "../core/queue.ts";

/** Where an export stands: the state of its item and, while that runs, the stage that it is in. */
export const ExportStatus = {
  PENDING: "pending",
  PREPARING: "preparing",
  RENDERING: "rendering",
  ENCODING: "encoding",
  FINALIZING: "finalizing",
  COMPLETED: "completed",
  FAILED: "failed",
  CANCELLED: "cancelled",
} as const;
export type ExportStatus = (typeof ExportStatus)[keyof typeof ExportStatus];

/** How far one export is, at one moment. */
export interface ExportProgress {
  readonly status: ExportStatus;
  /** Frames that are done in the current stage; of a completed export all of them. */
  readonly currentFrame: number;
  /** 0 until it is known. */
  readonly totalFrames: number;
  /** Seconds since it started, pauses included; 0 until then. */
  readonly elapsedTime: number;
  /** Seconds; null while nobody can know. */
  readonly estimatedRemaining: number | null;
  /** For people: `rendering frame 90 of 300`. */
  readonly currentOperation: string;
  /** Only of a failed export. */
  readonly errorMessage: string | null;
  readonly startTime: Date | null;
  /** 0 to 100; 100 only when completed. */
  readonly progressPercentage: number;
  /** When it will be done; null while nobody can know. */
  readonly etaDatetime: Date | null;
}

/** One export of a queue, at one moment. */
export interface ExportJob<Project> {
  readonly id: string;
  readonly project: Project;
  readonly outputPath: string;
  readonly priority: number;
  readonly createdAt: Date;
  readonly progress: ExportProgress;
}

/** How far a batch export is, as its callback is told. */
export interface BatchExportProgress<Project> {
  /** Jobs of this batch export: those that were waiting when it began, and those that came since. */
  readonly totalJobs: number;
  readonly completedJobs: number;
  readonly failedJobs: number;
  /** The job that is being exported, the first of several; null between two. */
  readonly currentJob: ExportJob<Project> | null;
  readonly queueStatus: QueueState;
  readonly overallStartTime: Date;
  /** 0 to 100. */
  readonly overallProgressPercentage: number;
  /** Null while nobody can know, and once it is over. */
  readonly estimatedCompletionTime: Date | null;
}

/** What an export is made of, as its item keeps it. A type, not an interface, so that it is `Json`. */
export type ExportInput = {
  readonly project: Json;
  readonly outputPath: string;
  /** Relative names in the project, and a relative output, start here. */
  readonly baseFolder: string;
  readonly createdAt: number;
  readonly settings?: { readonly [name: string]: Json };
};

const STAGES: ReadonlySet<string> = new Set(["preparing", "rendering", "encoding", "finalizing"]);

/** @param remaining seconds, as the engine estimates them; null where it does not */
export function toExportJob<Project>(item: ItemSnapshot, remaining: number | null, now: number): ExportJob<Project> {
  const { project, outputPath, createdAt } = item.input as ExportInput;
  return {
    id: item.id,
    // As it was given: it went through JSON and came back.
    project: project as Project,
    outputPath,
    priority: item.priority,
    createdAt: new Date(createdAt),
    progress: toExportProgress(item, remaining, now),
  };
}

function toExportProgress(item: ItemSnapshot, remaining: number | null, now: number): ExportProgress {
  const { state, progress, startedAt, endedAt, error } = item;
  const status = statusOf(item);
  const totalFrames = framesIn(item.output) ?? progress.total ?? item.size ?? 0;
  const isOver = state === "completed" || state === "failed" || state === "cancelled";
  const elapsedMs = startedAt === null ? 0 : (endedAt?.getTime() ?? now) - startedAt.getTime();
  return {
    status,
    currentFrame: state === "completed" ? totalFrames : (progress.done ?? 0),
    totalFrames,
    elapsedTime: Math.max(0, elapsedMs) / 1_000,
    estimatedRemaining: isOver ? null : remaining,
    currentOperation: state === "processing" ? operationOf(status, progress) : status,
    errorMessage: state === "failed" ? (error?.message ?? null) : null,
    startTime: startedAt,
    progressPercentage: item.fraction * 100,
    etaDatetime: isOver || remaining === null ? null : new Date(now + remaining * 1_000),
  };
}

function statusOf({ state, progress }: ItemSnapshot): ExportStatus {
  if (state !== "processing") return state;
  const { stage } = progress;
  return stage !== null && STAGES.has(stage) ? (stage as ExportStatus) : ExportStatus.PREPARING;
}

function operationOf(status: ExportStatus, { message, done, total, unit }: ItemProgress): string {
  if (message !== null) return message;
  return done === null || total === null ? status : `${status} ${unit ?? "frame"} ${done} of ${total}`;
}

/** What a renderer says that it has made. */
function framesIn(output: Json): number | null {
  if (typeof output !== "object" || output === null || !("frames" in output)) return null;
  return typeof output.frames === "number" ? output.frames : null;
}
