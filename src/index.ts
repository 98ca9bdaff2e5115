/** The public API, name by name. */

export type { Estimate, NoEstimateReason } from "./core/answer.ts";
export { type BatchOutcome, type BatchSnapshot, BatchStatus, type NoEstimate } from "./core/batch.ts";
export type { Counts } from "./core/counts.ts";
export { type ErrorCode, type ItemError, MilepostError, NoRetryError } from "./core/errors.ts";
export type { Range } from "./core/estimator/estimate.ts";
export type { Attempt, AttemptOutcome, ItemSnapshot } from "./core/item.ts";
export type { Json } from "./core/json.ts";
export { LIMITS } from "./core/limits.ts";
export { PRIORITIES, type Priority } from "./core/priority.ts";
export type { ItemProgress, Stage } from "./core/progress.ts";
export { type QueueSnapshot, QueueState } from "./core/queue.ts";
export { DEFAULT_POLICY, type Policy } from "./core/retry-policy.ts";
export { ItemState } from "./core/transitions.ts";
export type { WorkerSnapshot } from "./core/worker-snapshot.ts";
export type { Batch, ChangesPage, FailureGroup, ItemsPage, ItemsQuery } from "./engine/batch.ts";
export type { Halted } from "./engine/control.ts";
export type { Drained, DrainOptions } from "./engine/drain.ts";
export type { Item } from "./engine/item.ts";
export type { Milepost, SubmitResult } from "./engine/milepost.ts";
export type {
  BatchesFilter,
  BatchesQuery,
  BatchOptions,
  CloseOptions,
  RetentionOptions,
  TrackOptions,
} from "./engine/options.ts";
export type { Handler, HandlerItem, PipelineDefinition, Step } from "./engine/pipeline.ts";
export type { Queue } from "./engine/queue.ts";
export type { RemoteWorkers } from "./engine/remote/remote-workers.ts";
export type { QueuePlace } from "./engine/rivals.ts";
export type { NewItem, NewItems, RequestOptions, SubmitCounts, SubmitOptions, Verdict } from "./engine/submit.ts";
export type { ItemChange, Tracker } from "./engine/tracker.ts";
export type { Worker, WorkOptions } from "./engine/worker.ts";
export { type OpenOptions, openMilepost } from "./open-milepost.ts";
export type { DocumentOptions } from "./pipelines/documents/document-options.ts";
export {
  type Library,
  type LibraryDocument,
  type LibraryOptions,
  openLibrary,
  type PageHit,
  type SearchHit,
} from "./pipelines/documents/open-library.ts";
export {
  KaraokeExportQueue as ExportQueue,
  type KaraokeExportQueueOptions as ExportQueueOptions,
} from "./pipelines/karaoke/karaoke-export-queue.ts";
export type { KaraokeProject } from "./pipelines/karaoke/project.ts";
export type { Clock } from "./ports/clock.ts";
export type { Host } from "./ports/host.ts";
export type { Logger } from "./ports/logger.ts";
export type { Random } from "./ports/random.ts";
export type { Reading } from "./ports/reading.ts";
export type { Finding, Removal } from "./ports/store.ts";
export type { DocumentDetails } from "./views/document-report.ts";
export { DOCUMENT_TRANSITIONS, DocumentState, documentProgress } from "./views/document-state.ts";
export type { DocumentStatus } from "./views/document-status.ts";
export {
  type BatchExportProgress,
  type ExportInput,
  type ExportJob,
  type ExportProgress,
  ExportStatus,
} from "./views/export-status.ts";
export { type JobProgress, ProgressTracker, Status } from "./views/progress-tracker.ts";
export {
  type DocumentsListed,
  type DocumentsListing,
  StatusManager,
  type StatusManagerOptions,
} from "./views/status-manager.ts";
export { ProcessingState, type ProcessingStatus, type StatusSummary, StatusTracker } from "./views/status-tracker.ts";
