import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Milepost } from "../engine/milepost.ts";
import type { UploadFacet } from "../pipelines/uploads.ts";
import type { Backlog } from "./backlog.ts";
import type { BatchAnswers } from "./batch-answers.ts";
import type { Callers } from "./callers.ts";
import type { DocumentSearch } from "./document-search.ts";
import type { EventHub } from "./events/event-hub.ts";
import type { ServerFiles } from "./files/server-files.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Polls } from "./polls.ts";
import type { Previews } from "./previews.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Reception } from "./reception.ts";
import type { ServerSettings } from "./settings.ts";
import type { Submissions } from "./submissions.ts";

/** What every route works with. */
export interface ServerContext {
  readonly milepost: Milepost;
  readonly settings: ServerSettings;
  readonly callers: Callers;
  readonly events: EventHub;
  readonly submissions: Submissions;
  readonly idempotency: Idempotency;
  readonly files: ServerFiles;
  /** How much work waits. */
  readonly backlog: Backlog;
  /** Looks into indexes of documents. */
  readonly search: DocumentSearch;
  /** Draws frames of exports. */
  readonly previews: Previews;
  /** Takes in what is sent as forms. */
  readonly reception: Reception;
  /** What each pipeline takes from strangers. */
  readonly facets: readonly UploadFacet[];
  /** Answers to those who poll batches. */
  readonly answers: BatchAnswers;
  /** What was just answered to them; null where each request is to be seen by itself. */
  readonly polls: Polls | null;
  /** Of requests in a minute. */
  readonly rate: RateLimit;
}

/** Fastify whose schemas are Zod's: one schema is the validation, the type and the documentation. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;
